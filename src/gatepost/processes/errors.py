"""The one refusal type of the processes on this machine."""


class ProcessError(Exception):
    """Something on this machine cannot be started, stopped or claimed.

    `code` is stable for scripts and tests, `sentence` says what is wrong, `remedy` what the operator can do, and `log`
    holds the last lines of the log concerned. None of them ever contains a password.
    """

    def __init__(self, code: str, sentence: str, remedy: str, log: str = "") -> None:
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.log = log
        super().__init__("\n".join(part for part in (sentence, remedy, log) if part))
