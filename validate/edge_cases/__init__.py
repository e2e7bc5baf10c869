"""Edge-case sets: examples made of the suite's own, or collected by people, that go through the same runners."""
