"""A monitor that remembers what it heard, and may ask for a stop."""


class Hearing:
    """Asks for a stop once it has heard of ``stop_at`` steps."""

    def __init__(self, stop_at=None):
        self.stop_at, self.reports, self.plan, self.message = stop_at, [], None, ""

    def begin(self, plan, past):
        self.plan = plan

    def step(self, report):
        self.reports.append(report)

    def end(self, message):
        self.message = message

    @property
    def stop_requested(self):
        return len(self.reports) == self.stop_at
