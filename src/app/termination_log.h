#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "reconcile/outcome.h"

namespace ocisync {

// What Kubernetes shows of a container that ended: at most 4096 bytes of valid UTF-8, cut at a
// character. Failed charts come first, a line each, required ones before optional ones; then the
// summary; then what is exported, as name, version and digest.
std::string termination_message(const PassResult& result);

// Writes it into the file itself, which is a mount that must not be replaced. Nothing is written
// without a path; what fails is a warning.
void write_termination_log(const std::optional<std::filesystem::path>& path,
                           std::string_view message, Log& log);

}  // namespace ocisync
