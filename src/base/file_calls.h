#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/handle.h"

// The system calls below Directory, with their errors as Error. For files.cc; others use files.h.
namespace ocisync {

using Status = struct stat;

inline constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Throws the Error for `code`: "<act> <path>: <what the system says>".
[[noreturn]] void fail_at(int code, std::string_view act, std::string_view path);

// What lies below a directory, as messages call it.
std::string joined_path(std::string_view directory, std::string_view name);

// `name` for a system call; throws internal unless it is one component, not "." or "..".
const char* single_name(const std::string& name);

// A directory one or more components below, none of them a link. Without a descriptor errno says
// why.
Fd open_below(int directory, std::string_view relative);

// For a file that was opened by a name which others may have planted.
bool is_regular(int fd);
Error not_regular(std::string_view path);

// What the directory holds, unsorted, without "." and "..".
std::vector<std::string> names_in(int directory, std::string_view path);

// A new directory, held open, whose mode does not pass through the umask. Without a descriptor the
// name exists.
Fd make_directory_at(int parent, const char* name, mode_t mode, std::string_view path);

// Removes a file, a link or a whole tree; absence is fine. `name` is one component.
void remove_tree_at(int parent, const std::string& name, std::string_view path);

}  // namespace ocisync
