"""What the five reports printed. Accuracies in percent; None where a report has no figure."""

# train cost, train accuracy, validation accuracy
BATCH_NORM_L2 = {"plain": (None, None, None), "batch-norm": (0.3479, 91.02, 91.66), "L2": (None, None, None)}

# train cost, validation cost, train, validation and test accuracy, seconds, epochs, steps
L2_BY_BATCH_NORM = {
    "plain": (0.4122, 0.4676, 88.36, 87.60, 88.22, 48.68, 69, 13_100),
    "batch-norm": (0.5025, 0.4822, 89.77, 88.93, 89.60, 36.95, 43, 8_200),
    "L2": (0.5947, 0.6170, 85.39, 84.93, 85.22, 72.00, 99, 18_801),
    "both": (0.5599, 0.3264, 93.05, 92.34, 92.46, 62.01, 74, 14_100),
}
MEAN_ABS_WEIGHT = {"plain": (0.01926, 0.22563, 0.43374, 0.49053), "L2": (0.01991, 0.24582, 0.41696, 0.42779)}

# train and test accuracy after 900 epochs
THOUSAND_IMAGES = {
    "cross-entropy": (98.1, 77.15), "MSE": (93.5, 69.95), "L1 0.001": (98.8, 79.05), "L1 0.005": (98.4, 78.35),
    "L2 0.001": (98.9, 77.75), "L2 0.01": (98.2, 78.10), "L2 0.1": (98.6, 77.85),
    "dropout 0.05": (98.1, 77.5), "dropout 0.1": (97.3, 77.65), "dropout 0.5": (91.3, 71.2),
}

# test accuracy
CIFAR_SOFTMAX = {"lambda 0, eta 0.1": 27.82, "lambda 0, eta 0.001": 39.13, "lambda 0.1, eta 0.001": 39.36,
                 "lambda 1, eta 0.001": 37.40}

# test accuracy, of which the report prints two digits
ACTIVATIONS_ADAM = {"sigmoid, SGD": 66, "tanh, SGD": 95, "ReLU, SGD": 96, "sigmoid, Adam": 95, "sigmoid, Adam, weight decay": 10}
