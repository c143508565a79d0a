"""The same capture as most teams would write it: FastAPI, pydantic, SQLAlchemy's ORM, a transaction for each request.

It does what ours does for a native lead: checks the source's key, finds the person by e-mail, finds an open lead for
the product, writes the lead, its touch and the event for others, and answers 202 after the commit.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, EmailStr
from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import DateTime

_engine = create_async_engine(os.environ["TYPICAL_DATABASE_URL"], pool_size=20, max_overflow=10)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_KEY = os.environ.get("TYPICAL_KEY", "secret")


def _now() -> datetime:
    return datetime.now(UTC)


def _id() -> str:
    return uuid.uuid4().hex


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}  # noqa: RUF012 as its docs say


class Source(Base):
    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(primary_key=True)
    key_digest: Mapped[str]


class PersonRow(Base):
    __tablename__ = "persons"
    id: Mapped[str] = mapped_column(primary_key=True, default=_id)
    email: Mapped[str] = mapped_column(unique=True)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    phone: Mapped[str | None]
    leads: Mapped[list[LeadRow]] = relationship(back_populates="person")


class LeadRow(Base):
    __tablename__ = "leads"
    id: Mapped[str] = mapped_column(primary_key=True, default=_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("persons.id"), index=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"))
    product: Mapped[str | None]
    company: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="open")
    created_at: Mapped[datetime] = mapped_column(default=_now)
    person: Mapped[PersonRow] = relationship(back_populates="leads")


class TouchRow(Base):
    __tablename__ = "touches"
    id: Mapped[str] = mapped_column(primary_key=True, default=_id)
    lead_id: Mapped[str] = mapped_column(ForeignKey("leads.id"), index=True)
    kind: Mapped[str]
    campaign: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=_now)


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    lead_id: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=_now)


class Person(BaseModel):
    email: EmailStr
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


class Company(BaseModel):
    name: str | None = None
    country: str | None = None
    industry: str | None = None
    employees: int | None = None


class TouchSaid(BaseModel):
    kind: str = "form.submitted"
    asset: str | None = None
    url: str | None = None


class LeadSaid(BaseModel):
    person: Person
    company: Company = Company()
    product: str | None = None
    campaign: str | None = None
    touch: TouchSaid = TouchSaid()
    fields: dict[str, str] = {}


class Captured(BaseModel):
    lead_id: str
    outcome: str


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with _engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with _sessions() as session, session.begin():
        await session.merge(Source(id="src_1", key_digest=hashlib.sha256(_KEY.encode()).hexdigest()))
    yield
    await _engine.dispose()


async def _session() -> AsyncGenerator[AsyncSession]:
    async with _sessions() as session:
        yield session


app = FastAPI(lifespan=_lifespan)


@app.post("/sources/{source_id}/leads", status_code=202)
async def capture(
    source_id: str,
    said: LeadSaid,
    session: Annotated[AsyncSession, Depends(_session)],
    x_leadway_key: Annotated[str, Header()],
) -> Captured:
    source = await session.get(Source, source_id)
    if source is None:
        raise HTTPException(404)
    if not hmac.compare_digest(source.key_digest, hashlib.sha256(x_leadway_key.encode()).hexdigest()):
        raise HTTPException(401)
    email = said.person.email.lower()
    person = (await session.execute(select(PersonRow).where(PersonRow.email == email))).scalar_one_or_none()
    if person is None:
        person = PersonRow(email=email, **said.person.model_dump(exclude={"email"}))
        session.add(person)
        await session.flush()
    of_product = select(LeadRow).where(
        LeadRow.person_id == person.id, LeadRow.status == "open", LeadRow.product == said.product
    )
    lead = (await session.execute(of_product)).scalar_one_or_none()
    outcome = "touched" if lead else "captured"
    if lead is None:
        lead = LeadRow(
            person_id=person.id, source_id=source.id, product=said.product, company=said.company.model_dump()
        )
        session.add(lead)
        await session.flush()
    details = said.touch.model_dump() | {"fields": said.fields}
    session.add(TouchRow(lead_id=lead.id, kind=said.touch.kind, campaign=said.campaign, details=details))
    session.add(EventRow(kind=f"lead.{outcome}", lead_id=lead.id, payload=said.model_dump(mode="json")))
    await session.commit()
    return Captured(lead_id=lead.id, outcome=outcome)
