/* Runs a target over the files of folders, without libFuzzer: what was found once is tested by every compiler. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)
#define PATH_LENGTH_MAX 4096

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_MAX);
    if (!file || !bytes) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    size_t size = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* AddressSanitizer sees a byte too far */
    if (!exact)
        return -1;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(bytes);
    return 0;
}

/* The number of files, or -1. */
static int run_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int count = 0;
    if (!entries) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    while (count >= 0 && (entry = readdir(entries))) {
        char path[PATH_LENGTH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count = run_file(path) < 0 ? -1 : count + 1;
    }
    closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fprintf(argc < 2 ? stderr : stdout, "usage: replay_TARGET FOLDER...\nRuns the target over each file.\n");
        return argc < 2 ? 2 : 0;
    }
    for (int i = 1; i < argc; i++) {
        int count = run_folder(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    printf("%d inputs\n", total);
    return total > 0 ? 0 : 1;
}
