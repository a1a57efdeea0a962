#include "core/directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int ev_directory_make(const char *path, struct ev_error *error)
{
    char part[EV_DIRECTORY_PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part))
        return ev_error_set(error, EV_ERR_INVALID, "\"%s\" is no data directory. Choose one by --data-dir", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return ev_error_set(error, EV_ERR_IO, "can't make the data directory %s: %s. Choose one by --data-dir",
                                part, strerror(errno));
    }
    return 0;
}
