"""The functions under AWS's own Lambda Runtime Interface Emulator, without Docker."""
