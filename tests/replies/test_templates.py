from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.files import MissingFileError
from replies.acknowledgement import AcknowledgementTemplate
from replies.templates import ReplyTemplateError, ReplyTemplates, TemplateContext, wrap
from tests.replies.letters import NOW, SIGNPOSTS, write_template

NUMBERS = SIGNPOSTS.numbers_for_letters(NOW.date())
CONTEXT = TemplateContext(reference="K7F3-2Q", reply_time="5 working days", numbers=NUMBERS)


def render(site_dir: Path, body: str, subject: str = "Hello") -> str:
    write_template(site_dir, "own/subject.txt", subject)
    write_template(site_dir, "own/body.txt", body)
    return ReplyTemplates(site_dir).render("own", CONTEXT).body


def test_every_shipped_template_compiles() -> None:
    ReplyTemplates().check(AcknowledgementTemplate)


def test_a_letter_is_filled_in(tmp_path: Path) -> None:
    body = render(tmp_path, "Ref {{ reference }}.\n\nWithin {{ reply_time }}.")
    assert body == "Ref K7F3-2Q.\n\nWithin 5 working days.\n"


def test_the_site_s_own_file_comes_before_the_shipped_one(tmp_path: Path) -> None:
    write_template(tmp_path, "generic/body.txt", "Ours: {{ reference }}")
    letter = ReplyTemplates(tmp_path).render("generic", CONTEXT)
    assert letter.body == "Ours: K7F3-2Q\n"
    assert letter.subject == "Thank you for your email (ref K7F3-2Q)"


def test_a_template_is_read_once(tmp_path: Path) -> None:
    templates = ReplyTemplates(tmp_path)
    write_template(tmp_path, "generic/body.txt", "one")
    templates.render("generic", CONTEXT)
    write_template(tmp_path, "generic/body.txt", "two")
    assert templates.render("generic", CONTEXT).body == "one\n"


@pytest.mark.parametrize(
    ("body", "variable"),
    [
        ("{{ refrence }}", "'refrence'; did you mean 'reference'"),
        ("{{ message }}", "'message'"),
        ("{{ numbers.nobody }}", "'nobody'"),
        ("{% if sender %}x{% endif %}", "'sender'"),
        ("{{ reference.secret }}", "'secret'"),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_file_and_variable(
    tmp_path: Path, body: str, variable: str
) -> None:
    with pytest.raises(ReplyTemplateError) as caught:
        render(tmp_path, body)
    assert "own/body.txt" in str(caught.value)
    assert variable in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "{% for x in range(9) %}a{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 99999999 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ reference.upper() }}",
        "{{ reference.__class__ }}",
        "{{ numbers['nspcc'] }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'opener.txt' %}",
        "{% import 'opener.txt' as x %}",
        "{{ [1, 2] }}",
        "{{ reference ~ reference }}",
        "{{ reference if reply_time else '' }}",
        "{% raw %}{% endraw %}{{ namespace() }}",
        "{{ reference|format }}",
        "{{ reference|attr('x') }}",
        "{{ reference is sameas reference }}",
        "{{ reference",
        "{% if %}",
        "{% endif %}",
        "{# never closed",
        "a" * 20_001,
    ],
)
def test_what_a_letter_does_not_need_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(ReplyTemplateError, match=r"own/body\.txt"):
        render(tmp_path, body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{% if help_url %}a{% else %}b{% endif %}", "b\n"),
        ("{% if reference and not help_url %}a{% endif %}", "a\n"),
        ("{% if reply_time == '5 working days' %}a{% endif %}", "a\n"),
        ("{{ help_url|default('none', true)|upper }}", "NONE\n"),
        ("{% if numbers.nobody is defined %}a{% else %}b{% endif %}", "b\n"),
    ],
)
def test_what_a_letter_does_need_works(tmp_path: Path, body: str, said: str) -> None:
    assert render(tmp_path, body) == said


def test_values_are_never_read_as_template(tmp_path: Path) -> None:
    write_template(tmp_path, "own/subject.txt", "{{ reference }}")
    write_template(tmp_path, "own/body.txt", "{{ reference }}")
    context = TemplateContext(reference="{{ numbers }}", numbers=NUMBERS)
    letter = ReplyTemplates(tmp_path).render("own", context)
    assert letter.body == "{{ numbers }}\n"


def test_a_subject_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    write_template(tmp_path, "own/body.txt", "x")
    write_template(tmp_path, "own/subject.txt", "Hello\n\n{{ reference }}")
    context = TemplateContext(reference="K7\r\nBcc: eve@example.org", numbers=NUMBERS)
    assert ReplyTemplates(tmp_path).render("own", context).subject == (
        "Hello K7 Bcc: eve@example.org"
    )


def test_a_letter_that_does_not_exist_is_named() -> None:
    with pytest.raises(MissingFileError, match="nobody/subject"):
        ReplyTemplates().render("nobody", CONTEXT)


@given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
def test_wrapping_keeps_every_word_and_no_line_is_too_long(text: str, width: int) -> None:
    wrapped = wrap(text, width)
    assert wrapped.split() == text.split()
    for line in wrapped.split("\n"):
        is_one = len(line.split()) <= 1 or all(word[0].isdigit() for word in line.split()[1:])
        assert len(line) <= width or is_one


def test_paragraphs_and_lists_keep_their_shape() -> None:
    assert wrap("one\ntwo\n\n\n\nlist:\n- a\n- b\n", 72) == "one two\n\nlist:\n- a\n- b\n"


def test_a_phone_number_is_not_broken_over_two_lines() -> None:
    assert wrap("call them on 0808 800 5000 now", 20) == "call them on\n0808 800 5000 now\n"
