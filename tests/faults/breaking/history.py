"""The clients' history, read back: commands, and of each its attempts in order."""
import dataclasses
import json

SUCCESS, NEVER = (200, 201), 2**62
# Answers that say for sure that this attempt did nothing. Others (503, 504, …) leave it open.
REFUSED = (400, 404, 409, 412, 422)


@dataclasses.dataclass
class Attempt:
    id: str
    call: int
    instance: int
    answered: int = NEVER  # when; NEVER: no answer
    status: int = 0
    body: dict = None
    position: str = None

    @property
    def success(self):
        return self.status in SUCCESS

    @property
    def committed(self):
        """The answer claims that the command is in the log."""
        return self.success and self.body["outcome"] in ("committed", "duplicate")

    @property
    def refused(self):
        return self.status in REFUSED

    @property
    def slug(self):
        return self.body["type"].rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1] if self.body and "type" in self.body else None

    @property
    def settled(self):
        return self.success or self.refused


@dataclasses.dataclass
class Command:
    id: str
    name: str
    fields: dict
    stream: str
    key: str
    expected: int
    of: str
    attempts: list = dataclasses.field(default_factory=list)


def read(path):
    """{id: Command}"""
    commands, attempts = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            event = row.pop("event")
            if event == "command":
                commands[row["command"]] = Command(row["command"], row["name"], row["fields"], row["stream"], row["key"],
                                                                          row["expected"], row["of"])
            elif event == "call":
                attempt = attempts[row["attempt"]] = Attempt(row["attempt"], row["at"], row["instance"])
                commands[row["command"]].attempts.append(attempt)
            elif event == "answer":
                attempt = attempts[row["attempt"]]
                attempt.answered, attempt.status, attempt.body, attempt.position = row["at"], row["status"], row["body"], row["position"]
    return commands
