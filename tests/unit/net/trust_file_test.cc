#include "net/trust_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace ocisync {
namespace {

TEST(TrustFile, PrefersTheOneThatTheUserNames) {
  EXPECT_EQ(find_trust_file([](std::string_view name) -> std::optional<std::string> {
              return name == "SSL_CERT_FILE" ? "/my/bundle.pem" : "";
            }),
            "/my/bundle.pem");
}

TEST(TrustFile, NamesNoFileThatCannotBeRead) {
  for (const char* setting : {"", "unset"}) {
    const std::string found = find_trust_file([&](std::string_view) {
      return *setting == 'u' ? std::nullopt : std::optional<std::string>(setting);
    });
    EXPECT_TRUE(found.empty() || ::access(found.c_str(), R_OK) == 0) << found;
  }
}

}  // namespace
}  // namespace ocisync
