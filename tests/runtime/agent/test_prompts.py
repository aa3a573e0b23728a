"""Prompts are files with a version and a hash, and a slot that is forgotten is an error, not a hole."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from runtime.agent.prompts import Prompt, load_prompt
from runtime.domain.errors import Broken
from runtime.settings import Settings


@pytest.mark.parametrize(
    "reference", [Settings().customer_prompt, Settings().owner_intent_prompt, Settings().asks_human_prompt]
)
def test_the_prompts_that_the_settings_name_are_there(reference: str) -> None:
    """Production cannot start a turn with a prompt that does not exist."""
    prompt = load_prompt(reference)

    assert prompt.reference == reference
    assert prompt.text.strip()
    assert prompt.digest == sha256(prompt.text.encode()).hexdigest()[:12]


def test_the_digest_changes_with_a_single_character(tmp_path: Path) -> None:
    """What a turn records tells apart two texts under one version."""
    (tmp_path / "a@1.md").write_text("Hola.", encoding="utf-8")
    (tmp_path / "a@2.md").write_text("Hola!", encoding="utf-8")

    assert load_prompt("a@1", tmp_path).digest != load_prompt("a@2", tmp_path).digest


@pytest.mark.parametrize(
    "reference", ["customer", "customer@", "customer@x", "../customer@1", "customer@1.md", "Customer@1", "", "a@1/b"]
)
def test_a_reference_that_is_none_is_refused_before_any_file_is_read(reference: str) -> None:
    """A setting with a typing error says what a reference looks like."""
    with pytest.raises(Broken, match="not a prompt reference like customer@1"):
        load_prompt(reference)


def test_a_version_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The message says which prompt is missing."""
    with pytest.raises(Broken, match="there is no prompt customer@99"):
        load_prompt("customer@99", tmp_path)


def test_every_slot_is_filled_and_what_fills_it_is_never_read_as_a_slot() -> None:
    """A customer called {{secret}} stays called that."""
    prompt = Prompt("x@1", "Hola, {{name}} de {{place}}. {{name}}.", "")

    filled = prompt.fill({"name": "{{place}}", "place": "Puebla", "unused": "x"})

    assert filled == "Hola, {{place}} de Puebla. {{place}}."


def test_a_slot_without_a_value_is_an_error_that_names_it() -> None:
    """A prompt with a hole in it must not reach a model."""
    with pytest.raises(Broken, match=r"x@1: nothing to put into \{\{place\}\}"):
        Prompt("x@1", "{{name}} {{place}}", "").fill({"name": "Ana"})
