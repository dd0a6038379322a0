"""The local stack: serves ``template.yaml`` on one machine, without Docker and without an AWS account."""
