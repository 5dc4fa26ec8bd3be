"""Answers to lab 02, tasks 1 to 5: wrong ones that a learner may well write, each with what its report must say, and
right ones written another way, which must pass."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import curve_fit, least_squares

from minisys.scaling import usl

REASON = "A request waits only when none of the servers is free."

# Task 1 --------------------------------------------------------------------------------------------------------------


def sixteen(measured, because=REASON, predicted=0.8):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


# Task 3 --------------------------------------------------------------------------------------------------------------


def counts_whoever_finished(trace, begin_s, end_s):
    return trace.frame.finished_s.between(begin_s, end_s).sum() / (end_s - begin_s)


def counts_who_was_sent(trace, begin_s, end_s):
    return trace.frame.sent_s.between(begin_s, end_s).sum() / (end_s - begin_s)


def counts_ok_by_sending(trace, begin_s, end_s):
    f = trace.frame
    return ((f.outcome == "ok") & f.sent_s.between(begin_s, end_s)).sum() / (end_s - begin_s)


def cuts_at_both_ends(trace, begin_s, end_s):
    f = trace.frame
    return ((f.outcome == "ok") & (f.sent_s >= begin_s) & (f.finished_s <= end_s)).sum() / (end_s - begin_s)


def takes_the_whole_run(trace, begin_s, end_s):
    return trace.throughput_per_s


def divides_by_the_whole_run(trace, begin_s, end_s):
    f = trace.frame
    return ((f.outcome == "ok") & f.finished_s.between(begin_s, end_s)).sum() / trace.span_s


def forgets_the_seconds(trace, begin_s, end_s):
    f = trace.frame
    return ((f.outcome == "ok") & f.finished_s.between(begin_s, end_s)).sum()


def counts_all_ok(trace, begin_s, end_s):
    return trace.count("ok") / (end_s - begin_s)


def prints_it(trace, begin_s, end_s):
    print(trace.throughput_per_s)


def counts_row_by_row(trace, begin_s, end_s):  # right
    count = 0
    for row in trace.frame.itertuples():
        if row.outcome == "ok" and begin_s < row.finished_s <= end_s:
            count += 1
    return count / (end_s - begin_s)


def sorts_the_answers(trace, begin_s, end_s):  # right
    done = np.sort((trace.frame.sent_s + trace.latency_s).dropna().to_numpy())
    return (np.searchsorted(done, end_s + 1e-9) - np.searchsorted(done, begin_s)) / (end_s - begin_s)


# Task 4 --------------------------------------------------------------------------------------------------------------


def law(n, alpha, beta, gamma):
    return gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1))


def least(n, x, shape, start):
    return least_squares(lambda p: shape(*p) - x, start, x_scale=start, bounds=(0, np.inf), xtol=1e-14, ftol=1e-14).x


def fits_a_parabola(n, x):
    pair, per, one = np.linalg.lstsq(np.column_stack([n * (n - 1), n - 1, n**0]), n / x, rcond=None)[0]
    return max(per / one, 0), max(pair / one, 0), 1 / one


def fixes_gamma(n, x):
    return *least(n, x, lambda a, b: law(n, a, b, x[0]), [0.05, 1e-4]), x[0]


def stops_at_amdahl(n, x):
    found = usl.fit(n, x, with_beta=False)
    return found.alpha, 0.0, found.gamma


def squares_n(n, x):
    return least(n, x, lambda a, b, g: g * n / (1 + a * (n - 1) + b * n * n), [0.05, 1e-4, x[0]])


def forgets_minus_one(n, x):
    return least(n, x, lambda a, b, g: g * n / (1 + a * n + b * n * (n - 1)), [0.05, 1e-4, x[0]])


def fits_the_speed_up(n, x):
    return fits_by_least_squares(n, x / x[0])


def swaps(n, x):
    alpha, beta, gamma = fits_by_least_squares(n, x)
    return gamma, alpha, beta


def without_bounds(n, x):
    return tuple(curve_fit(law, n, x, [0.05, 1e-4, x[0]], maxfev=5_000)[0])


def two_of_three(n, x):
    return fits_by_least_squares(n, x)[:2]


def fits_by_least_squares(n, x):  # right
    start = np.array([0.05, 1 / n.max() ** 2, x[0] / n[0]])
    return least(n, x, lambda a, b, g: law(n, a, b, g), start)


def fits_on_a_grid(n, x):  # right: the best gamma for each pair, refined around the best pair
    alphas, betas = np.linspace(0, 0.5, 60), np.r_[0, np.geomspace(1e-6, 0.01, 60)]
    for _ in range(14):
        a, b = np.meshgrid(alphas, betas)
        h = n / (1 + a[..., None] * (n - 1) + b[..., None] * n * (n - 1))
        gamma = (h @ x) / (h * h).sum(-1)
        at = np.unravel_index(((gamma[..., None] * h - x) ** 2).sum(-1).argmin(), a.shape)
        half = [np.ptp(each) / 5 for each in (alphas, betas)]
        alphas, betas = (
            np.unique(np.linspace(max(0, mid - h2), mid + h2, 60)) for mid, h2 in zip((a[at], b[at]), half, strict=True)
        )
    return a[at], b[at], gamma[at]


# Task 5 --------------------------------------------------------------------------------------------------------------


def predicts(n, x, n_new):  # right
    return usl.fit(n, x).predict(n_new)


def predicts_one_by_one(n, x, n_new):  # right
    alpha, beta, gamma = fits_by_least_squares(n, x)
    return [law(each, alpha, beta, gamma) for each in n_new]


def draws_a_line(n, x, n_new):
    return np.polyval(np.polyfit(n, x, 1), n_new)


def draws_a_parabola(n, x, n_new):
    return np.polyval(np.polyfit(n, x, 2), n_new)


def uses_amdahl(n, x, n_new):
    return usl.fit(n, x, with_beta=False).predict(n_new)


def scales_linearly(n, x, n_new):
    return x[0] / n[0] * n_new


def repeats_the_last(n, x, n_new):
    return np.full(len(n_new), x[-1])


def predicts_the_old(n, x, n_new):
    return usl.fit(n, x).predict(n)


def forgets_gamma(n, x, n_new):
    return usl.fit(n, x).predict(n_new) / x[0]


def peak(n, x):  # right
    return usl.fit(n, x).peak


def whole_peak(n, x):  # right
    found = usl.fit(n, x).peak
    return round(found) if math.isfinite(found) else found


def peak_of(formula):
    def best(n, x):
        found = usl.fit(n, x)
        return formula(found.alpha, found.beta) if found.beta else math.inf

    return best


def best_measured(n, x):
    return n[np.argmax(x)]


def always_a_peak(n, x):
    found = usl.fit(n, x)
    return found.peak if found.beta else n[-1]


def highest_throughput(n, x):
    return usl.fit(n, x).maximum
