from tests.support.engine import echo_database, engine, short_times

__all__ = ["echo_database", "engine", "short_times"]
