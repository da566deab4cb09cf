/* Train a network on the built-in digits, which saves it in a directory, then read it from there and predict.
 *     train_and_predict DIRECTORY */
#include <stdio.h>

#include <weft/weft.h>

static void print_event(void *context, const weft_event *event)
{
    (void)context;
    if (event->kind == WEFT_EVENT_EVALUATED && event->validation.is_evaluated)
        printf("epoch %.0f: accuracy %.3f on validation rows\n", event->epoch, event->validation.accuracy);
}

static weft_status train(const char *directory)
{
    static const char *const assignment[] = {
        "data.source=digits:?train=3000&test=500", "network.hidden=64", "network.dropout=0.2", "train.epochs=5",
    };
    const weft_trainer_options options = {.out = directory, .on_event = print_event};
    weft_trainer *trainer = NULL;
    weft_settings *settings = weft_settings_create();
    weft_status st = settings != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t i = 0; i < sizeof assignment / sizeof *assignment && st == WEFT_OK; i++)
        st = weft_settings_assign(settings, assignment[i]);
    if (st == WEFT_OK)
        st = weft_trainer_create(settings, &options, &trainer);
    if (st == WEFT_OK)
        st = weft_trainer_run(trainer);                 /* saves as it goes, and at the end */
    weft_trainer_destroy(trainer);
    weft_settings_destroy(settings);
    return st;
}

static weft_status predict(const char *directory)
{
    const weft_predict_options options = {.data = "digits:?train=1&test=5&seed=7"};    /* digits it has never seen */
    weft_prediction prediction = {0};
    weft_status st = weft_predict(directory, &options, &prediction);
    for (size_t n = 0; n < prediction.rows; n++) {
        const float *probability = &prediction.output[n * prediction.outputs];
        printf("row %zu: a %d, with probability %.3f\n", n, (int)prediction.label[n], probability[prediction.label[n]]);
    }
    weft_prediction_clear(&prediction);
    return st;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "digits-run";
    weft_status st = train(directory);
    if (st == WEFT_OK)
        st = predict(directory);
    if (st != WEFT_OK)
        fprintf(stderr, "%s: %s\n", argv[0], weft_last_error());
    return weft_exit_code(st);
}
