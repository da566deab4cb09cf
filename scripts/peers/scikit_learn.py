#!/usr/bin/python3
"""scikit-learn's MLPClassifier: ReLU, softmax, cross-entropy, minibatch SGD or Adam, L2; in float32 all through.

One call of partial_fit takes one pass over the rows it is given, in batches of batch_size. Calls are long (some tenths
of a second), so that checking the rows and labels on entry is not what is timed; a call for each batch would be slower.
The rows are in random order as they stand, and shuffle=False spares the copy of every batch.
"""
import ctypes

import numpy as np
from sklearn.neural_network import MLPClassifier

from workloads import WORKLOADS, peer_arguments, print_rates, samples_per_s, training_rows

LEAST_BATCHES = 20                  # in one call, however slow


def make_classifier(workload):
    return MLPClassifier(hidden_layer_sizes=workload.widths[1:-1], batch_size=workload.batch, shuffle=False,
                         solver=workload.optimizer.lower(), learning_rate_init=workload.learning_rate,
                         momentum=0.0, nesterovs_momentum=False,
                         alpha=workload.l2)                      # its penalty is alpha / (2 batch) * sum W^2 too


def rate_of(threads, workload, pixels, labels, seconds):
    ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads(threads)
    classifier, classes = make_classifier(workload), np.arange(workload.widths[-1])

    def train(rows):
        classifier.partial_fit(pixels[:rows], labels[:rows], classes=classes)
    few = LEAST_BATCHES * workload.batch
    guess = samples_per_s(train, [(few,)], few, seconds / 4)
    rows = min(len(pixels), max(few, int(guess * seconds / 3) // workload.batch * workload.batch))
    return samples_per_s(train, [(rows,)], rows, seconds)


def main():
    arguments = peer_arguments(__doc__.splitlines()[0]).parse_args()
    workload = WORKLOADS[arguments.workload]
    pixels, labels = training_rows(arguments.data, workload.batch)
    forms = {f"BLAS {threads}": threads for threads in sorted({1, arguments.threads})}
    print_rates(forms, arguments.form,
                lambda threads: rate_of(threads, workload, pixels, labels, arguments.seconds))


if __name__ == "__main__":
    main()
