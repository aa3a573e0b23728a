"""The runtime's own checks of Spanish answers, handed on to `evals`, which may not import the runtime."""

from __future__ import annotations

from runtime.domain.spanish.reply_checks import find_format_problems, looks_spanish

__all__ = ["find_format_problems", "looks_spanish"]
