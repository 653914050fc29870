"""Finds the ATC calls in a shell script, a Python file or one command, and what the shell makes of them before ATC reads anything."""

from __future__ import annotations

import ast
import dataclasses
import html
import re
import shlex
from typing import Iterator, Mapping, Sequence

from harness.ascend.line import reading
from harness.ascend.words import Fault
from harness.core.value import value

_PROGRAM = re.compile(r"(^|[/\\])(py)?atc(\.bin)?$")
_BEFORE = ("sudo", "nohup", "time", "exec", "env", "if", "then", "else", "do", "while", "!", "eval", "{", "(")
_BROKEN = re.compile(r"\\(?P<rest>[ \t]+(#.*)?|[ \t]*#.*)$")
_PIECE = re.compile(r"[\w./-]*:?[-\d,~]+")
"""What stands behind an unquoted semicolon when it was meant to separate inputs or profiles."""
_SUBSTITUTED = re.compile(r"\$\([^()]*\)|`[^`]*`")


@value
class Found:
    """One ATC call: the line it begins at, its words as one text, what is wrong with it, and the text of each flag."""

    line: int
    command: str
    faults: tuple[Fault, ...]
    said: Mapping[str, str]


def calls_in(text: str, name: str = "") -> list[Found]:
    """Return every ATC call in a script. ``name``: its file, by whose ending Python is told from a shell."""
    if not name.endswith(".py"):
        return list(_shell(text))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        fault = Fault(flag="", why="is a shell command in a file of Python", write='subprocess.run(["atc", "--model=..."], check=True)')
        return [dataclasses.replace(one, faults=(fault, *one.faults)) for one in _shell(text)]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\batc\s+-", node.value):
            found += [dataclasses.replace(one, line=node.lineno + one.line - 1) for one in _shell(node.value)]
        elif isinstance(node, (ast.List, ast.Tuple)) and node.elts and all(isinstance(one, ast.Constant) for one in node.elts):
            words = [str(one.value) for one in node.elts if isinstance(one, ast.Constant)]
            if _PROGRAM.search(words[0]) and any(word.startswith("-") for word in words):
                made = reading(words)
                found.append(Found(line=node.lineno, command=" ".join(words), faults=made.faults, said=made.said))
    return found


def _shell(text: str) -> Iterator[Found]:
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        start = place
        if not re.search(r"(?<![\w.-])(py)?atc(\.bin)?\s", lines[place] + " ") or lines[place].lstrip().startswith("#"):
            place += 1
            continue
        whole, place, faults = _joined(lines, place)
        for words, more in _commands(whole):
            if any(word.startswith("-") for word in words[1:]):
                made = reading(words)
                yield Found(line=start + 1, command=" ".join(words), faults=(*faults, *more, *made.faults), said=made.said)


def _joined(lines: Sequence[str], place: int) -> tuple[str, int, list[Fault]]:
    """Return a command with the lines that continue it, or were meant to; the place behind it; and what breaks it."""
    faults: list[Fault] = []
    whole = ""
    while place < len(lines):
        line = lines[place]
        place += 1
        following = lines[place].lstrip() if place < len(lines) else ""
        broken = _BROKEN.search(line)
        if line.endswith("\\"):
            whole += line[:-1] + " "
        elif broken:
            what = "a comment" if "#" in broken["rest"] else "a space"
            why = f"line {place}: {what} stands behind the backslash, so the command ends there"
            faults.append(
                Fault(flag="", why=why, write="the backslash as the last character of the line, comments on lines of their own before")
            )
            whole += line[: broken.start()] + " "
        elif whole and line.lstrip().startswith("#") and following.startswith("-"):
            why = f"line {place}: a comment inside a continued command ends it"
            faults.append(Fault(flag="", why=why, write="comments before the command"))
        else:
            whole += line
            if _open(whole) and place < len(lines):
                whole += " "
            elif re.match(r"--?[A-Za-z]\w+", following):
                why = f"line {place}: there is no backslash, and line {place + 1} begins with a flag"
                faults.append(Fault(flag="", why=why, write=line.rstrip().split()[-1] + " \\"))
                whole += " "
            else:
                break
    return whole, place, faults


def _open(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return True
    return False


def _commands(text: str) -> Iterator[tuple[list[str], list[Fault]]]:
    """Yield the words of each ATC command in one logical line, and what is wrong with how it is written."""
    plain, faults = _plain(text)
    try:
        lexer = shlex.shlex(_SUBSTITUTED.sub("$SUBSTITUTED", plain), posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        words = list(lexer)
    except ValueError as error:
        words = re.sub("[\"']", "", plain).split()
        faults.append(Fault(flag="", why=str(error), write="the closing quotation mark"))
    for command in _segments(words, faults):
        while command and (command[0] in _BEFORE or re.match(r"\w+=", command[0])):
            command.pop(0)
        if command and _PROGRAM.search(command[0]):
            yield command, faults


def _plain(text: str) -> tuple[str, list[Fault]]:
    """Return the text with the signs that a web page or a word processor has changed changed back."""
    faults = []
    plain = html.unescape(text) if re.search(r"&(quot|amp|lt|gt|#\d+);", text) else text
    if plain != text:
        faults.append(Fault(flag="", why="holds HTML entities such as &quot;", write='the character itself, for example "'))
    straight = re.sub("[“”]", '"', re.sub("[‘’]", "'", re.sub(r"(?<!\S)[–—](?=\w)", "--", plain)))
    if straight != plain:
        faults.append(Fault(flag="", why="holds typographic quotes or dashes", write='" and -- as typed on a keyboard'))
    return straight, faults


def _segments(words: Sequence[str], faults: list[Fault]) -> Iterator[list[str]]:
    """Yield the words of each simple command, without redirections; what an unquoted semicolon has cut off is put back."""
    command: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("#"):
            break
        if not re.fullmatch(r"[();<>|&]+", word):
            command.append(word)
        elif "<" in word or ">" in word:
            if command and command[-1].isdigit():
                command.pop()
            rest = rest[1:]
        elif word == ";" and rest and command and "=" in command[-1] and _PIECE.fullmatch(rest[0]):
            command[-1] += ";" + rest.pop(0)
            while len(rest) > 1 and rest[0] == ";" and _PIECE.fullmatch(rest[1]):
                command[-1] += ";" + rest[1]
                rest = rest[2:]
            flag = command[-1].lstrip("-").partition("=")[0]
            write = '--{}="{}"'.format(flag, command[-1].partition("=")[2])
            faults.append(Fault(flag=flag, why="the semicolon is not quoted, so the shell ends the command there", write=write))
        else:
            yield command
            command = []
    yield command
