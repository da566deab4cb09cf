#!/usr/bin/python3
"""PyTorch, in the forms people train with and in the fastest form we could find.

module         nn.Module, autograd and torch.optim, as in a tutorial
step           the training step by hand, without autograd: every tensor is allocated once, and where the optimizer
               allows it a weight gradient is added to its weight by the matrix product that computes it
scripted step  the same through torch.jit.script, which spares the interpreter

Each form runs with one thread and with all of them; where OpenBLAS has threads of its own, only those are all, since
they and PyTorch's get into each other's way. In every form the rows are floats in random order before the clock starts:
no gather, no conversion, no shuffling. The step by hand does not compute the value of the loss either. No form has a
bias where a batch-norm follows: it would change nothing.

    pytorch.py --check    compare the step by hand with autograd and torch.optim, in double precision
"""
import ctypes
import itertools
import math
from typing import List, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads import WORKLOADS, peer_arguments, print_rates, samples_per_s, training_rows

BN_MOMENTUM, BN_EPSILON = 0.1, 1e-5
BETA1, BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8


class Form(NamedTuple):
    kind: str                       # module, step or scripted
    own_norm: bool                  # batch-norm from matrix-vector products in place of native_batch_norm
    threads: int
    blas_threads: int

    @property
    def name(self):
        kind = {"module": "module", "step": "step by hand", "scripted": "scripted step"}[self.kind]
        return f"{kind}{', own batch-norm' if self.own_norm else ''}, threads {self.threads} (BLAS {self.blas_threads})"


def openblas():
    """The library below PyTorch's matrix products, or None where that is another one."""
    try:
        return ctypes.CDLL("libopenblas.so.0")
    except OSError:
        return None


def teams(threads):
    """(threads of PyTorch, threads of OpenBLAS) worth trying."""
    own_threads = openblas() is not None and openblas().openblas_get_parallel() == 1
    return sorted({(1, 1), (1, threads)} if own_threads else {(1, 1), (threads, threads)})


def forms(workload, threads):
    kinds = [("module", False), ("step", False), ("scripted", False)]
    if workload.batch_norm:
        kinds += [("step", True), ("scripted", True)]
    return {form.name: form for form in (Form(*kind, *team) for team, kind in itertools.product(teams(threads), kinds))}


# ---- the ordinary form

def make_module(workload):
    layers = []
    for fan_in, fan_out in workload.layers[:-1]:
        layers.append(nn.Linear(fan_in, fan_out, bias=not workload.batch_norm))
        layers += [nn.BatchNorm1d(fan_out)] if workload.batch_norm else []
        layers.append(nn.ReLU(inplace=True))
        layers += [nn.Dropout(workload.dropout)] if workload.dropout else []
    layers.append(nn.Linear(*workload.layers[-1]))
    return nn.Sequential(*layers)


def make_optimizer(workload, parameters):
    """torch.optim's; the penalty is for weights only, which are the matrices among the parameters."""
    parameters = list(parameters)
    if workload.optimizer == "Adam":
        return torch.optim.Adam(parameters, lr=workload.learning_rate, betas=(BETA1, BETA2), eps=ADAM_EPSILON)
    groups = [{"params": [p for p in parameters if p.dim() == 2], "weight_decay": workload.l2 / workload.batch},
              {"params": [p for p in parameters if p.dim() == 1]}]
    return torch.optim.SGD([g for g in groups if g["params"]], lr=workload.learning_rate, momentum=workload.momentum)


def module_step(workload):
    module, loss_of = make_module(workload), nn.CrossEntropyLoss()
    optimizer = make_optimizer(workload, module.parameters())

    def step(x, label):
        optimizer.zero_grad(set_to_none=True)
        loss_of(module(x), label).backward()
        optimizer.step()
    return step


# ---- the step by hand

class Step(nn.Module):
    """One training step. TorchScript can compile it, so it is written in TorchScript's part of Python.

    g is B times the gradient of the mean loss: the factor 1/B waits until a parameter is touched. Likewise dropout only
    zeroes, and its factor 1/(1-p) goes into the products of the layer behind (`scale`), so neither costs a pass.

    Every parameter's gradient is accumulated as  sum = keep * sum + rate * gradient  in one matrix product, where
        SGD        sum is the parameter itself, keep = 1 (less the decay of the penalty), rate = -learning rate
        momentum   sum is the velocity, keep = momentum, rate = 1
        Adam       sum is the gradient, keep = 0, rate = 1
    """
    weight: List[Tensor]
    weight_t: List[Tensor]
    bias: List[Tensor]
    gamma: List[Tensor]
    running_mean: List[Tensor]
    running_var: List[Tensor]
    sum_weight: List[Tensor]
    sum_bias: List[Tensor]
    sum_gamma: List[Tensor]
    out: List[Tensor]
    a: List[Tensor]
    a_t: List[Tensor]
    g: List[Tensor]
    g_t: List[Tensor]
    square: List[Tensor]
    square_t: List[Tensor]
    out_t: List[Tensor]
    mean: List[Tensor]
    inverse_std: List[Tensor]
    bits: List[Tensor]
    drop: List[Tensor]
    scale: List[float]
    __constants__ = ["bn_momentum", "bn_epsilon", "beta1", "beta2", "adam_epsilon"]
    bn_momentum, bn_epsilon, beta1, beta2, adam_epsilon = BN_MOMENTUM, BN_EPSILON, BETA1, BETA2, ADAM_EPSILON

    def __init__(self, workload, own_norm, dtype=torch.float32):
        super().__init__()
        B, layers = workload.batch, workload.layers
        hidden = [fan_out for _, fan_out in layers[:-1]]
        self.norm, self.own_norm, self.dropout = workload.batch_norm, own_norm, workload.dropout > 0
        self.optimizer, self.learning_rate, self.batch = workload.optimizer, workload.learning_rate, B
        self.taken = 0
        self.least_integer = -2**63             # TorchScript cannot read it as a literal

        self.place_parameters(layers, dtype)
        self.keep, self.rate = {"SGD": (1.0, -workload.learning_rate / B),
                                "momentum": (workload.momentum, 1.0 / B),
                                "Adam": (0.0, 1.0 / B)}[workload.optimizer]
        self.keep_weight = self.keep - workload.learning_rate * workload.l2 / B
        assert not workload.l2 or workload.optimizer == "SGD"
        self.scale = [1.0] + [1.0 / (1.0 - workload.dropout)] * len(hidden)

        self.ones = torch.ones(B, dtype=dtype)
        self.mean_of_rows = torch.full((B,), 1.0 / B, dtype=dtype)
        self.running_mean = [torch.zeros(H, dtype=dtype) for H in hidden]
        self.running_var = [torch.ones(H, dtype=dtype) for H in hidden]
        self.mean = [torch.zeros(H, dtype=dtype) for H in hidden]
        self.inverse_std = [torch.zeros(H, dtype=dtype) for H in hidden]
        self.place_buffers(B, hidden, layers[-1][1], dtype)

    def place_parameters(self, layers, dtype):
        """One flat vector each for parameters and sums, so that the optimizer's passes are few and long."""
        shapes = []
        for layer, (fan_in, fan_out) in enumerate(layers):
            shapes.append((fan_in, fan_out))
            shapes.append((fan_out,))                           # the bias, or beta where a batch-norm follows
            if self.norm and layer + 1 < len(layers):
                shapes.append((fan_out,))
        size = sum(math.prod(shape) for shape in shapes)
        self.parameters_flat = torch.zeros(size, dtype=dtype)
        self.sums_flat = self.parameters_flat if self.optimizer == "SGD" else torch.zeros(size, dtype=dtype)
        self.mean_square = torch.zeros(size if self.optimizer == "Adam" else 0, dtype=dtype)
        self.first_moment, self.root = torch.zeros_like(self.mean_square), torch.zeros_like(self.mean_square)

        def views(flat):
            pieces = flat.split([math.prod(shape) for shape in shapes])
            tensors = iter([piece.view(shape) for piece, shape in zip(pieces, shapes)])
            weight, bias, gamma = [], [], []
            for layer in range(len(layers)):
                weight.append(next(tensors))
                bias.append(next(tensors))
                if self.norm and layer + 1 < len(layers):
                    gamma.append(next(tensors))
            return weight, bias, gamma
        self.weight, self.bias, self.gamma = views(self.parameters_flat)
        self.sum_weight, self.sum_bias, self.sum_gamma = views(self.sums_flat)
        self.weight_t = [weight.t() for weight in self.weight]
        for weight in self.weight:
            weight.normal_(std=math.sqrt(2.0 / weight.shape[0]))
        for gamma in self.gamma:
            gamma.fill_(1.0)

    def place_buffers(self, B, hidden, classes, dtype):
        """a may be out itself: only batch-norm needs both what it was given and what it made."""
        self.out = [torch.zeros(B, H, dtype=dtype) for H in hidden]
        self.a = [torch.zeros_like(out) for out in self.out] if self.norm else self.out
        self.logits = torch.zeros(B, classes, dtype=dtype)
        self.g = [torch.zeros(B, H, dtype=dtype) for H in hidden + [classes]]
        self.square = [torch.zeros_like(out) for out in self.out] if self.own_norm else []
        self.out_t, self.a_t, self.g_t, self.square_t = ([t.t() for t in tensors]
                                                         for tensors in (self.out, self.a, self.g, self.square))
        sizes = [-(-B * H // 4) * 4 for H in hidden] if self.dropout else []
        self.random = torch.zeros(sum(sizes) // 4, dtype=torch.int64)
        drawn = self.random.view(torch.int16).split(sizes) if sizes else []
        self.bits = [piece[: B * H].view(B, H) for piece, H in zip(drawn, hidden)]
        self.drop = [torch.zeros(B, H, dtype=torch.bool) for H in hidden] if self.dropout else []
        # Four 16-bit numbers from each draw, where bernoulli_ takes a draw for each element: p is met to 2^-17.
        self.threshold = round((1.0 - 1.0 / self.scale[-1]) * 65536) - 32768

    def normalize(self, l: int):
        out = self.out[l]
        if not self.own_norm:
            y, mean, inverse_std = torch.native_batch_norm(out, self.gamma[l], self.bias[l], self.running_mean[l],
                                                           self.running_var[l], True, self.bn_momentum, self.bn_epsilon)
            self.a[l].copy_(y)
            self.mean[l].copy_(mean)
            self.inverse_std[l].copy_(inverse_std)
        else:
            mean = torch.mv(self.out_t[l], self.mean_of_rows)
            out.sub_(mean)
            torch.mul(out, out, out=self.square[l])
            variance = torch.mv(self.square_t[l], self.mean_of_rows)
            inverse_std = torch.add(variance, self.bn_epsilon).rsqrt_()
            torch.addcmul(self.bias[l], out, self.gamma[l] * inverse_std, out=self.a[l])
            self.inverse_std[l].copy_(inverse_std)
            self.running_mean[l].lerp_(mean, self.bn_momentum)
            self.running_var[l].lerp_(variance.mul_(self.batch / (self.batch - 1.0)), self.bn_momentum)

    def normalize_backward(self, l: int):
        g = self.g[l]
        if not self.own_norm:
            dx, dgamma, dbeta = torch.ops.aten.native_batch_norm_backward(
                g, self.out[l], self.gamma[l], self.running_mean[l], self.running_var[l], self.mean[l],
                self.inverse_std[l], True, self.bn_epsilon, [True, True, True])
            g.copy_(dx)
        else:
            inverse_std = self.inverse_std[l]
            torch.mul(g, self.out[l], out=self.square[l])
            dgamma = torch.mv(self.square_t[l], self.ones).mul_(inverse_std)
            dbeta = torch.mv(self.g_t[l], self.ones)
            factor = self.gamma[l] * inverse_std
            g.mul_(factor)
            g.addcmul_(self.out[l], factor * dgamma * inverse_std, value=-1.0 / self.batch)
            g.sub_(factor * dbeta, alpha=1.0 / self.batch)
        self.sum_gamma[l].mul_(self.keep).add_(dgamma, alpha=self.rate)
        self.sum_bias[l].mul_(self.keep).add_(dbeta, alpha=self.rate)

    def hidden_forward(self, l: int, x: Tensor):
        if self.norm:
            torch.mm(x, self.weight[l], out=self.out[l])
            self.normalize(l)
        else:
            torch.addmm(self.bias[l], x, self.weight[l], alpha=self.scale[l], out=self.out[l])
        self.a[l].relu_()
        if self.dropout:
            torch.lt(self.bits[l], self.threshold, out=self.drop[l])
            self.a[l].masked_fill_(self.drop[l], 0.0)

    def accumulate(self, l: int, x_t: Tensor):
        self.sum_weight[l].addmm_(x_t, self.g[l], beta=self.keep_weight, alpha=self.rate * self.scale[l])
        if not self.norm or l + 1 == len(self.weight):
            self.sum_bias[l].addmv_(self.g_t[l], self.ones, beta=self.keep, alpha=self.rate)

    def update(self):
        """What the optimizer still has to do once every sum is there."""
        self.taken += 1
        if self.optimizer == "momentum":
            self.parameters_flat.add_(self.sums_flat, alpha=-self.learning_rate)
        if self.optimizer == "Adam":
            self.first_moment.lerp_(self.sums_flat, 1.0 - self.beta1)
            self.mean_square.mul_(self.beta2).addcmul_(self.sums_flat, self.sums_flat, value=1.0 - self.beta2)
            correction = math.sqrt(1.0 - math.pow(self.beta2, self.taken))
            torch.sqrt(self.mean_square, out=self.root).add_(self.adam_epsilon * correction)
            self.parameters_flat.addcdiv_(self.first_moment, self.root,
                                          value=-self.learning_rate * correction / (1.0 - math.pow(self.beta1, self.taken)))

    def forward(self, x: Tensor, x_t: Tensor, one_hot: Tensor):
        last = len(self.weight) - 1
        if self.dropout:
            self.random.random_(self.least_integer, None)
        a, a_t = x, x_t
        for l in range(last):
            self.hidden_forward(l, a)
            a, a_t = self.a[l], self.a_t[l]
        torch.addmm(self.bias[last], a, self.weight[last], alpha=self.scale[last], out=self.logits)
        torch.sub(torch.softmax(self.logits, 1), one_hot, out=self.g[last])
        for l in range(last, 0, -1):
            below = l - 1
            self.g[below].addmm_(self.g[l], self.weight_t[l], beta=0.0, alpha=self.scale[l])
            self.accumulate(l, self.a_t[below])
            torch.ops.aten.threshold_backward(self.g[below], self.a[below], 0.0, grad_input=self.g[below])
            if self.norm:
                self.normalize_backward(below)
        self.accumulate(0, x_t)
        self.update()


# ---- timing

def use_threads(form):
    torch.set_num_threads(form.threads)
    if openblas() is not None:
        openblas().openblas_set_num_threads(form.blas_threads)


def rate_of(form, workload, pixels, labels, seconds):
    use_threads(form)
    x, label = pixels.split(workload.batch), labels.split(workload.batch)
    if form.kind == "module":
        return samples_per_s(module_step(workload), list(zip(x, label)), workload.batch, seconds)
    one_hot = F.one_hot(labels, workload.widths[-1]).float().split(workload.batch)
    batches = [(rows, rows.t(), target) for rows, target in zip(x, one_hot)]
    with torch.no_grad():
        step = Step(workload, form.own_norm)
        run = torch.jit.script(step) if form.kind == "scripted" else step.forward
        return samples_per_s(run, batches, workload.batch, seconds)


# ---- the check

MOST_UNITS_IN_CHECK = 784

def reference_loss(workload, step, leaves, x, label):
    """The same network with autograd, from the leaves and the rows that the step just dropped."""
    weight, bias, gamma = leaves
    a = x
    for l in range(len(weight) - 1):
        if workload.batch_norm:
            a = F.batch_norm(F.linear(a, weight[l].t()), None, None, gamma[l], bias[l], True, eps=BN_EPSILON)
        else:
            a = F.linear(a, weight[l].t(), bias[l])
        a = F.relu(a)
        if workload.dropout:
            a = a * (~step.drop[l]).to(a) / (1 - workload.dropout)
    return F.cross_entropy(F.linear(a, weight[-1].t(), bias[-1]), label)


def leaves_of(step):
    return [[tensor.detach().clone().requires_grad_() for tensor in tensors]
            for tensors in (step.weight, step.bias, step.gamma)]


def largest_difference(got, want):
    """Of any two elements, as a part of the largest element of their tensor."""
    return max(((g - w).abs().max() / w.abs().max().clamp(min=1e-30)).item() for g, w in zip(got, want))


def random_batch(workload):
    x = torch.rand(workload.batch, workload.widths[0], dtype=torch.float64)
    return x, torch.randint(workload.widths[-1], (workload.batch,))


def take_step(run, workload, x, label):
    with torch.no_grad():
        run(x, x.t(), F.one_hot(label, workload.widths[-1]).double())


def gradient_difference(workload, own_norm, scripted):
    """With plain SGD and rate 1, what a step takes off a parameter is its gradient."""
    plain = workload._replace(optimizer="SGD", learning_rate=1.0, l2=0.0)
    step = Step(plain, own_norm, torch.float64)
    step_run = torch.jit.script(step) if scripted else step
    x, label = random_batch(workload)
    leaves = leaves_of(step)
    before = [leaf for group in leaves for leaf in group]
    take_step(step_run, plain, x, label)
    after = [tensor for group in (step.weight, step.bias, step.gamma) for tensor in group]
    want = torch.autograd.grad(reference_loss(plain, step, leaves, x, label), before)
    return largest_difference([old.detach() - new for old, new in zip(before, after)], want)


def training_difference(workload, own_norm, scripted, steps=4):
    """Parameters after some steps of the workload's own optimizer, penalty included, beside torch.optim's."""
    step = Step(workload, own_norm, torch.float64)
    step_run = torch.jit.script(step) if scripted else step
    leaves = leaves_of(step)
    flat = [leaf for group in leaves for leaf in group]
    optimizer = make_optimizer(workload, flat)
    for _ in range(steps):
        x, label = random_batch(workload)
        take_step(step_run, workload, x, label)
        optimizer.zero_grad()
        reference_loss(workload, step, leaves, x, label).backward()
        optimizer.step()
    got = [tensor for group in (step.weight, step.bias, step.gamma) for tensor in group]
    return largest_difference(got, [leaf.detach() for leaf in flat])


def check():
    """Both differences of every workload and form; rounding in double leaves far less than the bound."""
    bound, differences = 1e-8, []
    for workload in WORKLOADS.values():
        workload = workload._replace(widths=tuple(min(width, MOST_UNITS_IN_CHECK) for width in workload.widths))
        for own_norm, scripted in itertools.product([False, True] if workload.batch_norm else [False], [False, True]):
            torch.manual_seed(1)
            gradient, training = (difference(workload, own_norm, scripted)
                                  for difference in (gradient_difference, training_difference))
            print(f"{workload.name}{' own batch-norm' if own_norm else ''}{' scripted' if scripted else ''}: "
                  f"gradients differ by {gradient:.1e}, parameters after 4 steps by {training:.1e}")
            differences += [gradient, training]
    if not all(difference < bound for difference in differences):       # a NaN is not less either
        raise SystemExit(f"a difference is not less than {bound:g}")


def main():
    parser = peer_arguments(__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the step by hand with autograd and torch.optim")
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    workload = WORKLOADS[arguments.workload]
    pixels, labels = map(torch.from_numpy, training_rows(arguments.data, workload.batch))
    print_rates(forms(workload, arguments.threads), arguments.form,
                lambda form: rate_of(form, workload, pixels, labels, arguments.seconds))


if __name__ == "__main__":
    main()
