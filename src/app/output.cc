#include "app/output.h"

#include <unistd.h>

#include "base/files.h"

namespace ocisync {

void print(std::string_view text) { write_all(STDOUT_FILENO, as_bytes(text), "standard output"); }

}  // namespace ocisync
