// Credential files and token answers. The first line is the host, the rest the document.

#include <algorithm>

#include "input.h"
#include "registry/docker_config.h"
#include "registry/token_service.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  const std::string_view text = as_input(data, size);
  const auto line = std::min(text.find('\n'), text.size());
  const std::string_view host = text.substr(0, line);
  const std::string_view document = text.substr(std::min(line + 1, text.size()));
  const auto found = unless_refused([&] {
    const DockerConfig config = DockerConfig::parse(document, "file");
    config.helper(host);
    return config.find(host, "team/web");
  });
  require(!found || !*found || !(*found)->secret.empty());
  unless_refused(
      [&] { return DockerConfig::parse_legacy(document, "file").find(host, "team/web"); });
  const auto token = unless_refused([&] { return parse_token(document); });
  require(!token || (!token->text.empty() && token->lifetime >= std::chrono::seconds(60)));
  return 0;
}
