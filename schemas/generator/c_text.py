"""Pieces of C text that both emitters need."""

LINE = 110
INT64_MIN = -(1 << 63)


def literal(text):
    """A C string literal (several, adjacent, where it is long)."""
    parts, part = [], ""
    for byte in text.encode("utf-8"):
        c = chr(byte)
        part += {'"': '\\"', "\\": "\\\\", "\n": "\\n"}.get(c) or (c if 32 <= byte < 127 else f"\\{byte:03o}")
        if len(part) >= LINE:
            parts.append(part)
            part = ""
    if part or not parts:
        parts.append(part)
    return "\n        ".join(f'"{part}"' for part in parts)


def comment(text, indent=""):
    """A block comment of one paragraph, or nothing."""
    if not text:
        return ""
    lines, line = [], "/*"
    for word in text.replace("*/", "* /").split():
        if len(indent) + len(line) + len(word) > LINE:
            lines.append(line)
            line = " *"
        line += " " + word
    return "\n".join(indent + item for item in [*lines, line + " */"]) + "\n"


def int64(value):
    return "INT64_MIN" if value == INT64_MIN else f"INT64_C({value})"


def boolean(value):
    return "true" if value else "false"


def initializer(**members):
    """{.a = 1, .b = 2}, leaving out what is None."""
    return "{" + ", ".join(f".{name} = {value}" for name, value in members.items() if value is not None) + "}"


def names_array(names):
    """NULL-terminated array of strings as a compound literal, or None for an empty list."""
    if not names:
        return None
    return "(const char *const[]){" + ", ".join([literal(name) for name in names] + ["NULL"]) + "}"
