"""The lean front: takes messages and providers' callbacks, and hands everything else to Django behind it."""
