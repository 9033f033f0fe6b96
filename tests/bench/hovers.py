"""What pointing at a component costs: CPU time, not the waiting for the next frame."""

import numpy as np
from playwright.sync_api import Browser, Locator, Page

MOVES = 40


def hover_ms(page: Page, browser: Browser, view: Locator, moves: str) -> tuple[float, float]:
    """CPU milliseconds a hover: on the page's main thread, and in all of Chromium's processes.

    Args:
        moves: a function in the browser that points at `MOVES` different parts of the view.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    machine = browser.new_browser_cdp_session()

    def busy() -> np.ndarray:
        metrics = session.send("Performance.getMetrics")["metrics"]
        main = next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")
        processes = machine.send("SystemInfo.getProcessInfo")["processInfo"]
        return np.array([main, sum(process["cpuTime"] for process in processes)])

    view.evaluate(moves)
    before = busy()
    view.evaluate(moves)
    main, everything = (busy() - before) * 1000 / MOVES
    assert view.locator(".hovered, .shown").count() == 1
    return main, everything
