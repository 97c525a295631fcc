#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/testdata/descent_trajectories.json: the steps of torch.optim on small two-layer networks.

Forward, losses and penalties are written out naively and differentiated by autograd in float64, so that the
trajectories share nothing with the closed-form gradients under test. Needs python3-torch. Run from anywhere:
    python3 tests/oracle/make_descent_oracle.py            writes the file
    python3 tests/oracle/make_descent_oracle.py --check    remakes one trajectory of each optimiser, loss and schedule and
                                                           compares it with the file; exit status 77 without torch
"""

import json
import pathlib
import sys

try:
    import torch
except ModuleNotFoundError:
    print("python3-torch is not installed: nothing remade")
    sys.exit(77)

STORED = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "descent_trajectories.json"
STEPS = 15
PROBLEM = {
    "rows": 7,
    "inputs": 3,
    "neurons": 4,
    "outputs": 1,
    "seed": 3,
    "activation": "relu",
    "loss": "squared",
    "loss_scale": "half_sum",
    "penalty": "group_l2",
    "beta": 0.3,
}


def loss_sum(outputs, targets, loss):
    if loss == "squared":
        return ((outputs - targets) ** 2).sum()
    if loss == "cross_entropy":
        return (torch.log(torch.exp(outputs).sum(dim=1)) - (outputs * targets).sum(dim=1)).sum()
    margins = outputs * targets
    if loss == "logistic":
        return torch.log(1 + torch.exp(-margins)).sum()
    shortfall = torch.relu(1 - margins)
    return (shortfall if loss == "hinge" else shortfall**2).sum()


def objective(first, second, gates, features, targets, case):
    pre_activation = features @ first
    if case["activation"] == "gated":
        hidden = (features @ gates >= 0).to(features.dtype) * pre_activation
    else:
        hidden = torch.relu(pre_activation)
    scale = {"half_sum": 0.5, "sum": 1.0, "mean": 1.0 / len(features)}[case["loss_scale"]]
    loss = scale * loss_sum(hidden @ second, targets, case["loss"])
    if case["penalty"] == "none":
        return loss
    if case["penalty"] == "group_l2":
        outputs = (second.abs().sum(dim=1) ** 2).sum()
    else:
        outputs = (second**2).sum()
    return loss + 0.5 * case["beta"] * ((first**2).sum() + outputs)


OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
    "lbfgs": lambda parameters, **options: torch.optim.LBFGS(
        parameters, max_iter=1, line_search_fn="strong_wolfe", **options
    ),
}


def scheduler(optimizer, case):
    rates = torch.optim.lr_scheduler
    kinds = {
        "constant": lambda: rates.ConstantLR(optimizer, factor=1.0),
        "reduce_on_plateau": lambda: rates.ReduceLROnPlateau(optimizer, **case["schedule_options"]),
        "exponential": lambda: rates.ExponentialLR(optimizer, **case["schedule_options"]),
        "step": lambda: rates.StepLR(optimizer, **case["schedule_options"]),
        "cosine": lambda: rates.CosineAnnealingLR(optimizer, **case["schedule_options"]),
    }
    if "warmup" not in case:
        return kinds[case["schedule"]]()
    warmup = rates.LinearLR(optimizer, start_factor=case["warmup"]["start_factor"], total_iters=case["warmup"]["epochs"])
    main = kinds[case["schedule"]]()
    return rates.SequentialLR(optimizer, [warmup, main], milestones=[case["warmup"]["epochs"]])


def targets_of(case, normal):
    values = normal(case["rows"], case["outputs"])
    if case["loss"] == "squared":
        return values
    if case["loss"] == "cross_entropy":
        return torch.nn.functional.one_hot(values.argmax(dim=1), case["outputs"]).to(torch.float64)
    return torch.where(values >= 0, 1.0, -1.0).to(torch.float64)


def trajectory(case):
    generator = torch.Generator().manual_seed(case["seed"])

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs, neurons = case["inputs"], case["neurons"]
    features, targets = normal(case["rows"], inputs), targets_of(case, normal)
    gates = normal(inputs, neurons)
    first, second = normal(inputs, neurons), normal(neurons, case["outputs"])
    # A dead neuron and a zero output weight: derivatives at 0 must be those of PyTorch.
    first[:, 0] = 0
    second[1, 0] = 0
    record = dict(case, features=features.tolist(), targets=targets.tolist(), gates=gates.tolist())
    for name in ("first_layers", "second_layers", "objectives", "rates"):
        record[name] = []
    first.requires_grad_(True)
    second.requires_grad_(True)
    optimizer = OPTIMIZERS[case["optimizer"]]([first, second], lr=case["learning_rate"], **case["options"])
    schedule = scheduler(optimizer, case)

    def closure():
        optimizer.zero_grad()
        value = objective(first, second, gates, features, targets, case)
        value.backward()
        if "clip_norm" in case:
            torch.nn.utils.clip_grad_norm_([first, second], case["clip_norm"])
        return value

    for step in range(STEPS + 1):
        value = objective(first, second, gates, features, targets, case).item()
        if step > 0:
            schedule.step(value) if case["schedule"] == "reduce_on_plateau" else schedule.step()
        record["objectives"].append(value)
        record["first_layers"].append(first.detach().flatten().tolist())
        record["second_layers"].append(second.detach().flatten().tolist())
        record["rates"].append(optimizer.param_groups[0]["lr"])
        if step < STEPS:
            optimizer.step(closure)
    return record


def case(name, optimizer="sgd", learning_rate=0.01, options=None, schedule="constant", schedule_options=None, **changes):
    return dict(
        PROBLEM,
        name=name,
        optimizer=optimizer,
        learning_rate=learning_rate,
        options=options or {},
        schedule=schedule,
        schedule_options=schedule_options or {},
        **changes,
    )


def cases():
    # One of each optimiser with its defaults, then with every option set.
    yield case("sgd")
    yield case("sgd_momentum", options={"momentum": 0.9})
    yield case("sgd_nesterov", options={"momentum": 0.8, "nesterov": True})
    for name, rate in (("adam", 1e-3), ("adamw", 1e-3), ("adagrad", 1e-2), ("adadelta", 1.0), ("rmsprop", 1e-2)):
        yield case(f"{name}_defaults", name, rate)
    yield case("lbfgs_defaults", "lbfgs", 1.0)
    yield case("adam", "adam", 0.05, {"betas": (0.8, 0.95), "eps": 1e-6})
    yield case("adamw", "adamw", 0.05, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.2})
    yield case("adagrad", "adagrad", 0.1, {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3})
    yield case("adadelta", "adadelta", 0.7, {"rho": 0.7, "eps": 1e-3})
    yield case("rmsprop_momentum", "rmsprop", 0.01, {"alpha": 0.8, "eps": 1e-3, "momentum": 0.5})
    yield case("rmsprop_centered", "rmsprop", 0.01, {"alpha": 0.8, "eps": 1e-3, "centered": True})
    yield case("rmsprop_both", "rmsprop", 0.01, {"alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "centered": True})
    yield case("lbfgs_short_history", "lbfgs", 0.5, {"history_size": 2})
    yield case("lbfgs_gated", "lbfgs", 1.0, activation="gated", outputs=2, loss_scale="mean")
    # Every loss, scalar and vector, and what penalties and scales do.
    for loss in ("logistic", "hinge", "squared_hinge"):
        yield case(f"{loss}_1", learning_rate=0.05, loss=loss, loss_scale="sum")
        yield case(f"{loss}_3", learning_rate=0.05, loss=loss, loss_scale="mean", outputs=3)
    yield case("cross_entropy_2", learning_rate=0.05, loss="cross_entropy", loss_scale="mean", outputs=2)
    yield case("cross_entropy_3", "adam", 0.05, loss="cross_entropy", loss_scale="sum", outputs=3)
    yield case("lbfgs_logistic", "lbfgs", 1.0, loss="logistic", loss_scale="sum")
    yield case("group_l2_3", outputs=3)
    yield case("weight_decay_3", "adam", 0.05, penalty="weight_decay", loss_scale="mean", outputs=3)
    yield case("no_penalty_2", penalty="none", loss_scale="sum", outputs=2, learning_rate=0.005)
    yield case("gated_2", activation="gated", loss_scale="mean", outputs=2)
    # Schedules and clipping.
    yield case("exponential", schedule="exponential", schedule_options={"gamma": 0.8})
    yield case("step", schedule="step", schedule_options={"step_size": 4, "gamma": 0.3})
    yield case("cosine", schedule="cosine", schedule_options={"T_max": STEPS, "eta_min": 0.001})
    yield case("warmup", "adam", 0.05, warmup={"epochs": 5, "start_factor": 0.25})
    yield case(
        "warmup_exponential",
        schedule="exponential",
        schedule_options={"gamma": 0.7},
        warmup={"epochs": 4, "start_factor": 0.5},
    )
    yield case(
        "plateau",
        learning_rate=0.15,
        schedule="reduce_on_plateau",
        schedule_options={"factor": 0.4, "patience": 1, "threshold": 0.05, "cooldown": 2, "min_lr": 0.01},
    )
    yield case("clip", learning_rate=0.3, clip_norm=1.5)
    yield case("clip_adam", "adam", 0.3, clip_norm=0.5)


CHECKED = ("sgd_nesterov", "adam", "adamw", "adagrad", "adadelta", "rmsprop_both", "lbfgs_defaults", "logistic_1",
           "hinge_3", "squared_hinge_1", "cross_entropy_3", "plateau", "warmup_exponential", "clip")


def check():
    stored = {record["name"]: record for record in json.loads(STORED.read_text())["trajectories"]}
    for made in cases():
        if made["name"] not in CHECKED:
            continue
        record, remade = stored[made["name"]], trajectory(made)
        for name in ("features", "targets", "objectives", "first_layers", "second_layers", "rates"):
            was = torch.tensor(record[name], dtype=torch.float64)
            now = torch.tensor(remade[name], dtype=torch.float64)
            if not torch.allclose(was, now, rtol=1e-7, atol=1e-7):
                sys.exit(f"{made['name']}: {name} are not those stored, by up to {(was - now).abs().max():.2g}")
    print(f"remade {len(CHECKED)} trajectories with PyTorch {torch.__version__}: as stored")


def main():
    if sys.argv[1:] == ["--check"]:
        check()
        return
    records = [trajectory(made) for made in cases()]
    STORED.write_text(json.dumps({"torch": torch.__version__, "trajectories": records}) + "\n")


if __name__ == "__main__":
    main()
