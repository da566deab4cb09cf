"""docs/benchmarks.md and its chart, from the figures that scripts/bench measured."""
import statistics

from workloads import GOAL_PEAK_GFLOPS, WORKLOADS

MISSING = "–"
REMARKS = {"FANN": "FANN (its nearest form, see below)"}
COLORS = {"Weft": "#c1121f", "PyTorch": "#1d4e89", "scikit-learn": "#e08e00", "FANN": "#5b8c5a"}


# ---- reading the results

def dig(tree, *keys):
    """tree[key][key]..., or None as soon as one is missing."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def rows_of(tree, key):
    return [row for row in dig(tree, key) or [] if isinstance(row, dict)]


def weft_entry(overview, workload, threads):
    """What `weft bench` says of a workload with so many threads, or None."""
    for row in rows_of(overview, "workloads"):
        if row.get("name") == workload:
            return next((entry for entry in rows_of(row, "threads") if entry.get("threads") == threads), None)
    return None


def peak_gflops(results):
    """FMA peak of all threads together, as `weft bench` measured it."""
    return dig(results["weft_bench"], "peak_gflops", str(results["threads"]))


def measured(results, workload, contestant):
    return [rate for rate in dig(results, "rates", workload, contestant) or [] if rate]


def median_rate(results, workload, contestant):
    rates = measured(results, workload, contestant)
    return statistics.median(rates) if rates else None


def best_peer(results, workload):
    rated = [peer for peer in results["peers"] if measured(results, workload, peer)]
    return max(rated, key=lambda peer: median_rate(results, workload, peer), default=None)


def ratio(results, workload, peer):
    """Median of Weft / peer, each pair from one round."""
    pairs = zip(dig(results, "rates", workload, "Weft") or [], dig(results, "rates", workload, peer) or [])
    ratios = [weft / other for weft, other in pairs if weft and other]
    return statistics.median(ratios) if ratios else None


def share(results, workload):
    rate, peak = median_rate(results, workload, "Weft"), peak_gflops(results)
    return rate * WORKLOADS[workload].flop_per_sample * 1e-9 / peak if rate and peak else None


# ---- cells

def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- " + "| ---: " * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def rounded(rate):
    """Three digits count: no rate here is known better."""
    digits = 3 - len(f"{rate:.0f}")
    return f"{round(rate, min(digits, 0)):,.0f}"


def cell(value, form):
    return MISSING if value is None else form.format(value)


def rate_cell(results, workload, contestant):
    rates = measured(results, workload, contestant)
    if not rates:
        return dig(results, "not_run", workload, contestant) or MISSING
    spread = f" ({rounded(min(rates))}–{rounded(max(rates))})" if len(rates) > 1 else ""
    failed = len(results["rates"][workload][contestant]) - len(rates)
    return rounded(statistics.median(rates)) + spread + (f", failed in {failed} rounds" if failed else "")


def verdict(value, target):
    return MISSING if value is None else "yes" if value >= target else "**no**"


def form_title(form, environment):
    return form + (f", {environment}" if environment else "")


# ---- sections

def introduction(results):
    quick = ["**This was a quick run, to see whether everything runs: its figures are no measurement.**", ""]
    runs = len(results["shares_of_others"])
    disturbed = [f"**Other programs took CPU time during {results['disturbed']} of {runs} runs: do not trust what is below.**", ""]
    return ["# Benchmarks", "", *(quick if results["quick"] else []), *(disturbed if results["disturbed"] > runs / 20 else []),
            "Training samples per second in fp32, Weft beside its peers from Debian 12 on the same cores. Written by "
            "`scripts/bench`; do not edit.", "",
            f"{results['rounds']} round(s) on {results['started']}. In each round every contestant trained every workload once, for "
            f"{results['seconds']:g} s (a peer after a warm-up), with {results['threads']} thread(s) or with one where that was faster for "
            "it, in an order that moved on from round to round. Given are medians, with minimum and maximum in brackets; a ratio is the "
            "median of the ratios within the rounds.", ""]


def rates_section(results):
    peers = results["peers"]
    rows = []
    for name in results["rates"]:
        rate = median_rate(results, name, "Weft")
        best = best_peer(results, name)
        gflops = rate * WORKLOADS[name].flop_per_sample * 1e-9 if rate else None
        rows.append([name, *(rate_cell(results, name, contestant) for contestant in ["Weft", *peers]),
                     cell(best and ratio(results, name, best), "{:.2f}") + (f" ({best})" if best and len(peers) > 1 else ""),
                     cell(gflops, "{:.0f}"), cell(share(results, name), "{:.0%}")])
    networks = [f"* {name}: {WORKLOADS[name].title}; {dig(results, 'data', str(WORKLOADS[name].widths[0])) or 'no data'}"
                for name in results["rates"]]
    return ["## Samples per second", "", "![Samples per second of all contestants](benchmarks.svg)", "",
            *table(["", "Weft", *(REMARKS.get(peer, peer) for peer in peers), "Weft / best peer", "Weft, GFLOP/s", "share of FMA peak"],
                   rows),
            "Inputs are bytes scaled to 0 … 1, hidden units ReLUs (batch-norm before them), the loss softmax with cross-entropy:", "",
            *networks, "",
            "GFLOP/s counts two operations for each weight and sample in the forward pass, two for the weight gradient, and, except in "
            "the first layer, two for the gradient to the input; nothing else.", ""]


def targets_section(results):
    rows = []
    for name in results["rates"]:
        goal, best = WORKLOADS[name].goal, best_peer(results, name)
        wanted_share = goal.target * WORKLOADS[name].flop_per_sample * 1e-9 / GOAL_PEAK_GFLOPS
        row = [name, f"{goal.target:,}", f"{wanted_share:.0%}", cell(share(results, name), "{:.0%}"),
               verdict(share(results, name), wanted_share)]
        for wanted, whose, peer in ((goal.target / goal.best, f" ({goal.best_peer})", best),
                                    (goal.target / goal.pytorch, "", "PyTorch")):
            here = ratio(results, name, peer) if peer else None
            row += [f"{wanted:.2f}{whose}", cell(here, "{:.2f}"), verdict(here, wanted)]
        rows.append(row)
    return ["## Beside the targets", "",
            "The targets were set in samples/s on two 2.5 GHz Cascade Lake cores with an FMA peak of "
            f"{GOAL_PEAK_GFLOPS:g} GFLOP/s. On another machine two things carry over: the share of the FMA peak, and the ratio to the best "
            "peer beside Weft, in brackets the one it was there. KANN is not in Debian, and darknet, mlpack and dlib are not timed here; so "
            "the ratio to PyTorch, which was timed in both places, stands beside it.", "",
            *table(["", "target, samples/s", "share of peak: target", "here", "met", "ratio to the best peer: target", "here", "met",
                    "ratio to PyTorch: target", "here", "met"], rows)]


def forms_section(results):
    """What each peer ran as, and what PyTorch's ordinary form would have given."""
    def fastest(tried, ordinary):
        rates = [t["samples_per_s"] for t in tried if t["form"].startswith("module") == ordinary]
        return rounded(max(rates)) if rates else MISSING
    lines = ["## What the peers ran as", "",
             "Before the rounds each peer tried every form it has and went on with the fastest:", ""]
    rows = [[name, *(cell(dig(forms, peer) and form_title(forms[peer]["form"], forms[peer]["environment"]), "{}")
                     for peer in results["peers"])]
            for name, forms in results["forms"].items()]
    lines += table(["", *results["peers"]], rows)
    tried = {name: dig(forms, "PyTorch", "tried") for name, forms in results["forms"].items()}
    if any(tried.values()):
        lines += ["PyTorch, in those trials (shorter, and not interleaved):", ""]
        lines += table(["", "nn.Module and torch.optim, samples/s", "step by hand, samples/s"],
                       [[name, *(fastest(t, ordinary) for ordinary in (True, False))] for name, t in tried.items() if t])
    return lines + [
        "What is the same and what is not:", "",
        "* **Weft** starts from bytes in file order: each step shuffles, gathers, converts and scales its rows, and it computes the loss.",
        "* **PyTorch** and **scikit-learn** start from floats that were scaled and put into random order before the clock started. PyTorch's "
        "step by hand (`scripts/peers/pytorch.py`; `--check` compares it with autograd) does not compute the loss.",
        "* **FANN** has no ReLU, no cross-entropy, no Adam and no threads: it trains bounded linear units and sigmoid outputs on squared "
        "errors with plain gradient descent.",
        "* **scikit-learn** has no batch-norm and no dropout. Softmax regression (W4) is its `MLPClassifier` without a hidden layer: "
        "its `SGDClassifier` takes rows one by one, not in batches.",
        "* **OpenBLAS** below PyTorch and scikit-learn runs the kernels that are fastest for the workload here (`OPENBLAS_CORETYPE`): left "
        "alone, it takes old ones on a CPU that is newer than it.", ""]


def phases_section(results):
    rows = []
    names = ["gather", "forward", "backward", "gradient", "update", "wait"]
    for name in results["rates"]:
        phases = dig(weft_entry(results["weft_bench"], name, results["threads"]), "phases")
        total = sum(phases.get(phase) or 0 for phase in names) if isinstance(phases, dict) else 0
        if total > 0:
            rows.append([name, *(cell(phases.get(phase) and phases[phase] / total, "{:.0%}") for phase in names)])
    if not rows:
        return []
    return ["## Where Weft's time goes", "", "Shares of the time of all threads, as `weft bench` counts them:", "", *table(["", *names], rows)]


def weft_kernel(results, networks, layer, direction):
    """The row of `weft bench` for this product, under whichever of the network's workloads it stands."""
    for row in rows_of(results["weft_bench"], "kernels"):
        if row.get("workload") in networks and row.get("layer") == layer and row.get("direction") == direction:
            return row
    return None


def kernel_rows(results, name, entry, threads):
    workload = WORKLOADS[name]
    networks = [w.name for w in WORKLOADS.values() if (w.widths, w.batch) == (workload.widths, workload.batch)]
    one, all_threads = dig(entry, "threads", "1") or [], dig(entry, "threads", str(threads)) or []
    for i, (layer, direction, fan_in, fan_out) in enumerate(workload.products):
        weft = weft_kernel(results, networks, layer, direction)
        ours, theirs = dig(weft, "gflops"), one[i] if i < len(one) else None
        yield [f"{name[:2]} layer {layer} {direction}", f"{workload.batch}", cell(dig(weft, "rows"), "{}"), f"{fan_in} × {fan_out}",
               cell(ours, "{:.0f}"), cell(theirs, "{:.0f}"), cell(ours and theirs and ours / theirs, "{:.2f}"),
               *([cell(all_threads[i] if i < len(all_threads) else None, "{:.0f}")] if threads > 1 else [])]


def kernels_section(results):
    threads, kernels = results["threads"], results["kernels"]
    if not kernels:
        return []
    rows = [row for name, entry in sorted(kernels.items()) for row in kernel_rows(results, name, entry, threads)]
    cores = ", ".join(f"{entry['core']} for {name[:2]}" for name, entry in sorted(kernels.items()))
    missing = "" if rows_of(results["weft_bench"], "kernels") else " `weft bench` gave no figures of Weft's own kernels."
    return ["## Matrix products beside OpenBLAS", "",
            "GFLOP/s of every product of a training step, the matrices in cache as far as they fit. OpenBLAS multiplies the whole batch; "
            f"Weft the rows that one call gets. Kernels of OpenBLAS: {cores}.{missing}", "",
            *table(["", "rows", "rows in Weft", "inputs × units", "Weft, 1 thread", "OpenBLAS, 1 thread", "Weft / OpenBLAS",
                    *([f"OpenBLAS, {threads} threads"] if threads > 1 else [])], rows)]


def machine_section(results):
    before, after = ([f"{load:.2f}" for load in loads] for loads in results["load"])
    peak = cell(peak_gflops(results), "{:.0f} GFLOP/s")
    rows = [*results["machine"].items(), (f"FMA peak, {results['threads']} thread(s), measured", peak),
            ("load average (1, 5, 15 min) before", ", ".join(before)), ("after, the contestants' own work included", ", ".join(after)),
            ("CPU time that other programs took during a run", shares_cell(results))]
    return ["## Machine and versions", "", *two_columns(rows), *two_columns(results["versions"].items())]


def shares_cell(results):
    shares = results["shares_of_others"]
    return f"median {statistics.median(shares):.1%}, at most {max(shares):.1%}" if shares else MISSING


def two_columns(pairs):
    return ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in pairs), ""]


def repeat_section(results):
    arguments = f" {results['arguments']}" if results["arguments"] else ""
    return ["## Repeat it", "", "```sh", "scripts/build", f"scripts/bench{arguments}", "```", "",
            "It installs from Debian what is missing, and takes MNIST from `$WEFT_DATA/mnist` (IDX files, packed or plain) or, without it, "
            "Weft's built-in digits. `scripts/bench --help` has the rest.", ""]


# ---- the chart

def draw(results, path):
    """One row for each workload, a mark for each contestant on a logarithmic axis, a line from minimum to maximum."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "weft", "font.family": "sans-serif"})
    from matplotlib import pyplot as plt
    names = list(results["rates"])
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.5 * len(names)), layout="constrained", facecolor="white")
    for contestant in [*reversed(results["peers"]), "Weft"]:
        rows = [row for row, name in enumerate(names) if measured(results, name, contestant)]
        color = COLORS.get(contestant, "0.4")
        for row in rows:
            rates = measured(results, names[row], contestant)
            axes.plot([min(rates), max(rates)], [row, row], color=color, linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot([median_rate(results, names[row], contestant) for row in rows], rows, color=color, linestyle="none",
                  marker="D" if contestant == "Weft" else "o", markersize=8, label=contestant)
    annotate_ratios(results, names, axes)
    axes.set(xscale="log", xlabel="training samples per second (logarithmic)", yticks=range(len(names)), yticklabels=names,
             ylim=(len(names) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="x", alpha=0.4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="lower left", bbox_to_anchor=(0, 1), ncols=len(labels), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def annotate_ratios(results, names, axes):
    for row, name in enumerate(names):
        best = best_peer(results, name)
        value = best and ratio(results, name, best)
        if value:
            axes.annotate(f"Weft = {value:.1f} × {best}", (1.01, row), xycoords=("axes fraction", "data"), va="center", color="0.25")


def write(results, out):
    notes = out.with_name(out.stem + "-notes.md")
    lines = [*introduction(results), *rates_section(results), *targets_section(results), *forms_section(results),
             *phases_section(results), *kernels_section(results), *machine_section(results), *repeat_section(results)]
    try:
        draw(results, out.with_suffix(".svg"))
    except ImportError as error:
        lines = [line for line in lines if not line.startswith("![")] + [f"No chart: {error}.", ""]
    text = "\n".join(lines).replace("(benchmarks.svg)", f"({out.with_suffix('.svg').name})")
    if notes.exists():
        text += "\n" + notes.read_text()
    out.write_text(text.rstrip() + "\n")
