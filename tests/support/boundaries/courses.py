"""A course has so many places, and a student so many courses."""

from __future__ import annotations

from collections.abc import Sequence

from banyan import CamelModel, CommandRejected, Decider, DomainEvent, EventRegistry
from banyan.decision import Decided, Decision, Participant, Participants, States

COURSES_AT_MOST = 3


class CourseOffered(DomainEvent):
    places: int


class PlaceTaken(DomainEvent):
    student: str


class CourseJoined(DomainEvent):
    course: str


class OfferCourse(CamelModel):
    places: int


class Join(CamelModel):
    course: str
    student: str


class Course(CamelModel):
    places: int = 0
    students: tuple[str, ...] = ()


class Student(CamelModel):
    courses: tuple[str, ...] = ()


def offer(command: OfferCourse, _: Course) -> Sequence[DomainEvent]:
    return [CourseOffered(places=command.places)]


def course_after(course: Course, event: DomainEvent) -> Course:
    if isinstance(event, PlaceTaken):
        return Course(places=course.places, students=(*course.students, event.student))
    return Course(places=event.places) if isinstance(event, CourseOffered) else course


def study(_: object, __: Student) -> Sequence[DomainEvent]:
    return []


def student_after(student: Student, event: DomainEvent) -> Student:
    return Student(courses=(*student.courses, event.course)) if isinstance(event, CourseJoined) else student


COURSE = Decider("course", Course, offer, course_after, Course)
STUDENT = Decider("student", Student, study, student_after, Student)


def parties(command: Join, _: States) -> Participants:
    return {"course": Participant(COURSE, command.course), "student": Participant(STUDENT, command.student)}


def join(command: Join, states: States) -> Decided:
    course, student = states["course"], states["student"]
    if command.course in student.courses:
        return {}
    if len(course.students) >= course.places:
        raise CommandRejected("course_full", f"all {course.places} places are taken")
    if len(student.courses) >= COURSES_AT_MOST:
        raise CommandRejected("too_many_courses", f"a student joins {COURSES_AT_MOST} courses at most")
    return {"course": [PlaceTaken(student=command.student)], "student": [CourseJoined(course=command.course)]}


JOIN = Decision(Join, parties, join)
REGISTRY = EventRegistry([CourseOffered, PlaceTaken, CourseJoined])
