/* What a container costs at least: the namespaces, mounts, devices and masks of `mini-docker run --network none`, pivot_root,
 * exec and wait, and nothing else. No control group, no capabilities, no filter, no output relayed, nothing recorded, nothing
 * tidied up, and no care: paths are believed. Beside it, the rest of an engine can be seen.
 *
 * floor PLAN LOWER SCRATCH PROGRAM; a line of the plan is WHAT and its words, with tabs between them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char plan[1 << 16];
static char directory[512], overlay[2048];

static void must(long result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        _exit(125);
    }
}

/* Splits options into flags and what the file system reads itself. */
static unsigned long flags(char *options, char *data) {
    static const struct { const char *name; unsigned long flag; } known[] = {
        {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}, {"ro", MS_RDONLY}, {"rw", 0},
        {"strictatime", MS_STRICTATIME},
    };
    unsigned long set = 0;
    *data = 0;
    for (char *rest, *one = strtok_r(options, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(one, known[i].name)) i++;
        if (i < sizeof known / sizeof *known) set |= known[i].flag;
        else strcat(strcat(data, *data ? "," : ""), one);
    }
    return set;
}

/* Covers what must not be seen: a file with the null device, directories with one empty file system. */
static void mask(const char *path) {
    static const char *first;
    struct stat seen;
    if (stat(path, &seen)) return;
    if (!S_ISDIR(seen.st_mode)) must(mount("/dev/null", path, NULL, MS_BIND, NULL), path);
    else if (first) must(mount(first, path, NULL, MS_BIND, NULL), path);
    else must(mount("tmpfs", first = path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=1"), path);
}

static void protect(const char *path) {
    if (access(path, F_OK)) return;
    must(mount(path, path, NULL, MS_BIND | MS_REC, NULL), path);
    must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), path);
}

/* A file system that others are mounted in is made read-only when they are. */
static struct { char path[256]; unsigned long flags; } closed[8];
static int closing;

/* Carries out the lines for before (0) or after (1) the pivot. */
static void carry_out(int after) {
    static char copy[sizeof plan], data[512];
    strcpy(copy, plan);
    for (char *rest, *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *word[5] = {0}, *more;
        for (int i = 0; i < 5 && (word[i] = strtok_r(i ? NULL : line, "\t", &more)); i++) {}
        char kind = *word[0];
        if (after) {
            if (kind == 'h') mask(word[1]);
            if (kind == 'r') protect(word[1]);
        } else if (kind == 'm') {
            unsigned long set = flags(word[4], data);
            if (set & MS_RDONLY && !strcmp(word[1], "tmpfs") && closing < 8) {
                strncpy(closed[closing].path, word[3] + 1, sizeof closed->path - 1);
                closed[closing++].flags = set;
                set &= ~(unsigned long)MS_RDONLY;
            }
            mkdir(word[3] + 1, 0755);
            must(mount(word[2], word[3] + 1, word[1], set, data), word[3]);
        } else if (kind == 'b') {
            must(mount(word[1], word[2] + 1, NULL, MS_BIND, NULL), word[2]);
        } else if (kind == 'd') {
            must(mknod(word[1] + 1, S_IFCHR | 0666, makedev(atoi(word[2]), atoi(word[3]))), word[1]);
        } else if (kind == 'l') {
            must(symlink(word[1], word[2] + 1), word[2]);
        }
    }
    for (; closing; closing--) {
        const char *path = closed[closing - 1].path;
        must(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | closed[closing - 1].flags, NULL), path);
    }
}

static void child(char *program) {
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    must(mount("overlay", "root", "overlay", 0, overlay), "mount overlay");
    must(chdir("root"), "chdir");
    must(sethostname("floor", 5), "sethostname");
    umask(0);
    carry_out(0);
    umask(022);
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir");
    carry_out(1);
    execl(program, program, (char *)NULL);
    must(-1, program);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int file = open(argv[1], O_RDONLY | O_CLOEXEC), status = 0;
    must(file, argv[1]);
    must(read(file, plan, sizeof plan - 1), argv[1]);
    /* A directory for each container, as an engine has: an overlay that is not synced cannot be mounted twice. */
    snprintf(directory, sizeof directory, "%s/%d", argv[3], getpid());
    must(mkdir(directory, 0700), directory);
    must(chdir(directory), directory);
    must(mkdir("upper", 0755), "upper");
    must(mkdir("work", 0755), "work");
    must(mkdir("root", 0755), "root");
    snprintf(overlay, sizeof overlay, "lowerdir=%s,upperdir=upper,workdir=work,index=off,metacopy=off,redirect_dir=nofollow,volatile",
             argv[2]);
    struct clone_args how = {
        .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP,
        .exit_signal = SIGCHLD,
    };
    long pid = syscall(SYS_clone3, &how, sizeof how);
    must(pid, "clone3");
    if (!pid) child(argv[4]);
    must(waitpid(pid, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
