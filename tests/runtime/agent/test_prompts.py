"""Prompts are files with a version and a hash, and a slot that is forgotten is an error, not a hole."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from runtime.agent.prompts import Prompt, list_prompts, load_prompt
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

    assert load_prompt("a@1", str(tmp_path)).digest != load_prompt("a@2", str(tmp_path)).digest


def test_a_draft_goes_before_the_prompt_of_its_name_and_may_be_edited(tmp_path: Path) -> None:
    """Whoever works on a prompt sees each change at once."""
    draft, reference = tmp_path / "customer@1.md", "customer@1"
    shipped = load_prompt(reference, str(tmp_path))

    draft.write_text("Hola.", encoding="utf-8")
    first = load_prompt(reference, str(tmp_path))
    draft.write_text("Buenas.", encoding="utf-8")
    second = load_prompt(reference, str(tmp_path))

    assert (first.text, second.text) == ("Hola.", "Buenas.")
    assert load_prompt(reference) == shipped
    assert load_prompt("asks_human@1", str(tmp_path)) == load_prompt("asks_human@1")


def test_prompts_are_listed_by_name_and_number(tmp_path: Path) -> None:
    """Ten comes after two, and what is no prompt is left out."""
    for name in ("customer@10.md", "customer@2.md", "notes.md"):
        (tmp_path / name).write_text("Hola.", encoding="utf-8")

    listed = list_prompts(str(tmp_path))

    assert [each for each in listed if each.startswith("customer@")] == ["customer@1", "customer@2", "customer@10"]
    assert "notes" not in listed


def test_a_draft_that_is_no_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Not a crash in the middle of a turn."""
    (tmp_path / "customer@1.md").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(Broken, match="prompt customer@1 cannot be read"):
        load_prompt("customer@1", str(tmp_path))


@pytest.mark.parametrize(
    "reference", ["customer", "customer@", "customer@x", "../customer@1", "customer@1.md", "Customer@1", "", "a@1/b"]
)
def test_a_reference_that_is_none_is_refused_before_any_file_is_read(reference: str) -> None:
    """A setting with a typing error says what a reference looks like."""
    with pytest.raises(Broken, match="not a prompt reference like customer@1"):
        load_prompt(reference)


def test_a_version_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The message says which prompt is missing, and which there are."""
    (tmp_path / "customer@7.md").write_text("Hola.", encoding="utf-8")

    with pytest.raises(Broken, match=r"there is no prompt customer@99; there are .*customer@1, customer@7"):
        load_prompt("customer@99", str(tmp_path))


def test_every_slot_is_filled_and_what_fills_it_is_never_read_as_a_slot() -> None:
    """A customer called {{secret}} stays called that."""
    prompt = Prompt("x@1", "Hola, {{name}} de {{place}}. {{name}}.", "")

    filled = prompt.fill({"name": "{{place}}", "place": "Puebla", "unused": "x"})

    assert filled == "Hola, {{place}} de Puebla. {{place}}."


def test_a_slot_without_a_value_is_an_error_that_names_it() -> None:
    """A prompt with a hole in it must not reach a model."""
    with pytest.raises(Broken, match=r"x@1: nothing to put into \{\{place\}\}"):
        Prompt("x@1", "{{name}} {{place}}", "").fill({"name": "Ana"})
