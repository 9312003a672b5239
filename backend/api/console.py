"""What the application lends the console: tokens checked and sessions lent as everywhere."""

from __future__ import annotations

from fastapi import FastAPI, Request

from backend import console
from backend.api.auth import Person, lend_session, person_of_token
from backend.api.problems import Problem
from backend.api.reviews import RESUMING


def install(app: FastAPI) -> None:
    """Serve the console beside the API."""
    console.install(app, console.Gate(_person_of, lend_session, _wake))


def _person_of(request: Request, token: str) -> Person:
    try:
        return person_of_token(request, token)
    except Problem as problem:
        raise console.NotLetIn(problem.detail) from problem


def _wake(request: Request) -> None:
    request.app.state.waker.wake(*RESUMING)
