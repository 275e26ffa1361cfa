/*
 * Runs one fuzz target over every file of the folders named on the command line, in builds
 * without libFuzzer. The target owns nothing of the buffer, which is freed after each input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of exactly the file's size, so that the address sanitizer sees the first byte
 * read past it. True if PATH was a file and was run. */
static int run_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        if (file != NULL)
            fclose(file);
        return 0;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    int whole = data != NULL && fread(data, 1, size, file) == size;
    fclose(file);
    if (whole)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return whole;
}

static unsigned run_folder(const char *folder)
{
    unsigned runs = 0;
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[4096];
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (length > 0 && (size_t)length < sizeof(path) && run_file(path))
            runs++;
    }
    closedir(directory);
    return runs;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned runs = run_folder(argv[i]);
        printf("%s: %u inputs\n", argv[i], runs);
        if (runs == 0) {
            fprintf(stderr, "%s: no inputs to run\n", argv[i]);
            return 1;
        }
    }
    return argc > 1 ? 0 : 1;
}
