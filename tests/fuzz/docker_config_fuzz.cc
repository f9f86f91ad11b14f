// Credential files and token answers: the first bytes choose the host, the rest is the document.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "registry/docker_config.h"
#include "registry/token_service.h"

namespace {

// Refusing is fine, for the one reason there is.
template <typename Act>
void allow(ocisync::Reason reason, Act act) {
  try {
    act();
  } catch (const ocisync::Error& error) {
    if (error.reason() != reason)
      std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(text.find('\n'), text.size());
  const std::string_view host = text.substr(0, line);
  const std::string_view document = text.substr(std::min(line + 1, text.size()));
  allow(ocisync::Reason::credentials_invalid, [&] {
    const auto config = ocisync::DockerConfig::parse(document, "file");
    config.helper(host);
    config.find(host, "team/web");
  });
  allow(ocisync::Reason::credentials_invalid,
        [&] { ocisync::DockerConfig::parse_legacy(document, "file").find(host, "team/web"); });
  allow(ocisync::Reason::protocol_violation, [&] { ocisync::parse_token(document); });
  return 0;
}
