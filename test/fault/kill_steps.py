"""Which of the many steps of an ingest a short test takes."""


def some_steps(points):
    """Numbers (from 1) of the first and the last of every kind, and of every tenth."""
    chosen = {i for i in range(len(points)) if i % 10 == 3}
    for name in set(points):
        chosen.add(points.index(name))
        chosen.add(len(points) - 1 - points[::-1].index(name))
    return sorted(i + 1 for i in chosen)
