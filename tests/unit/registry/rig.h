#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_registry.h"
#include "registry/client.h"
#include "support/failure.h"
#include "support/manual_clock.h"
#include "support/scripted_http.h"
#include "support/temp_directory.h"

namespace ocisync {

// A blob's target that keeps the bytes, and notes how often it was asked to forget them.
struct KeptBlob {
  class Kept final : public Sink {
   public:
    void write(Bytes more) override { text.append(as_text(more)); }

    std::string text;
  };

  Kept kept;
  int restarts = 0;

  BlobTarget target() {
    return {kept, [this] { return std::uint64_t{kept.text.size()}; },
            [this] {
              kept.text.clear();
              ++restarts;
            }};
  }
};

// A client wired to a fake registry, with nothing real but temporary files.
class Rig : public ::testing::Test {
 protected:
  Rig() {
    http_.otherwise([this](const ScriptedHttp::Seen& seen) { return registry_(seen); });
    settings_.observe = [this](const Exchange& exchange) { exchanges_.push_back(exchange); };
  }

  RegistryClient& client() {
    if (!client_)
      client_ = std::make_unique<RegistryClient>(spec_, settings_, http_, auth_, credentials_,
                                                 clock_, log_, environment());
    return *client_;
  }

  // The next client() is another one, as in the next process.
  void end_client() { client_.reset(); }

  // The spec's entry for a host, made on first use; before the client is.
  RegistrySpec& entry(const std::string& host = "registry.example.com") {
    for (RegistrySpec& each : spec_.registries)
      if (each.host == host)
        return each;
    spec_.registries.emplace_back().host = host;
    return spec_.registries.back();
  }

  // user and password, in a file that a test may rewrite.
  void log_in(const std::string& host = "registry.example.com", std::string_view password = "") {
    write("password", password.empty() ? std::string_view(registry_.password) : password);
    CredentialsSpec spec;
    spec.kind = CredentialsSpec::Kind::username_password;
    spec.username = registry_.user;
    spec.password_file = home_.path() / "password";
    entry(host).credentials = spec;
  }

  void write(const std::string& name, std::string_view text) {
    std::ofstream(home_.path() / name, std::ios::binary | std::ios::trunc) << text;
  }

  static Reference ref(std::string_view text = "registry.example.com/team/web:1.0") {
    return Reference::parse(text);
  }

  FetchedManifest manifest(const Reference& reference = ref()) {
    return client().manifest(reference, counts_, {});
  }

  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(std::string(name));
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
  }

  bool saw_credentials(std::string_view host) const {
    const auto seen = http_.seen();
    return std::any_of(seen.begin(), seen.end(), [&](const ScriptedHttp::Seen& each) {
      return each.url.origin().host == host && !each.header("Authorization").empty();
    });
  }

  std::vector<std::string> lines() const { return http_.lines(); }

  static constexpr std::string_view kManifestLine =
      "GET https://registry.example.com/v2/team/web/manifests/1.0";
  static constexpr std::string_view kTokenLine = "GET https://registry.example.com/token";

  TempDirectory home_;
  std::map<std::string, std::string> variables_;
  ManualClock clock_;
  ScriptedHttp http_;
  FakeRegistry registry_;
  Spec spec_;
  ClientSettings settings_;
  Log log_{LogLevel::error, LogFormat::json, false};
  Authenticator auth_{http_, clock_};
  CredentialStore credentials_{environment(), {}, clock_};
  TransferCounts counts_;
  std::vector<Exchange> exchanges_;

 private:
  std::unique_ptr<RegistryClient> client_;
};

}  // namespace ocisync
