#include "app/output.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"

namespace ocisync {

void print(std::string_view text) {
  try {
    write_all(STDOUT_FILENO, as_bytes(text), "standard output");
  } catch (Error& error) {
    error.hint("the result went nowhere");
    throw;
  }
}

bool stderr_is_watched() {
  return ::isatty(STDERR_FILENO) == 1 && !process_variable("CI") && !process_variable("NO_COLOR");
}

void occupy_closed_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", O_RDONLY);  // takes the lowest free number, which is this one
}

}  // namespace ocisync
