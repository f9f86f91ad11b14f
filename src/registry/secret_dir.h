#pragma once

#include <filesystem>
#include <string_view>

#include "registry/credentials.h"

namespace ocisync {

// The credential in a directory as Kubernetes mounts a Secret: the first of .dockerconfigjson,
// config.json, .dockercfg, username with password, token. All of it is read through one "..data",
// so that a rotation in between never pairs an old name with a new password. Throws
// Error(credentials_invalid) when there is nothing usable for the host.
Credential read_secret_dir(const std::filesystem::path& path, std::string_view host,
                           std::string_view repository);

// A secret as people put it into files: a byte order mark and one trailing newline are not part.
Secret secret_from_file(std::string text);

}  // namespace ocisync
