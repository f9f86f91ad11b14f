#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/yaml.h"
#include "oci/reference.h"
#include "oci/version.h"

namespace ocisync {

// The spec file as values: what a user wrote, with defaults filled in and every check passed. Each
// default stands here and nowhere else; schema.cc reads them from here to document them.

enum class Layout { symlink, directory, snapshot };
enum class ExportFormat { directory, archive, both };
enum class OnFailure { keep_revision, keep_generation };
std::string_view to_string(Layout layout);
std::string_view to_string(ExportFormat format);

struct RetrySpec {
  Duration min = std::chrono::seconds(5);
  Duration max = std::chrono::minutes(5);
};

struct CacheSpec {
  std::optional<std::filesystem::path>
      path;  // absent: the command decides (flag, environment, default)
  std::uint64_t max_size = 5ULL << 30;
  Duration min_age = std::chrono::hours(24);
  bool group_write = false;
};

struct ExportSpec {
  std::optional<std::filesystem::path> path;
  Layout layout = Layout::symlink;
  ExportFormat format = ExportFormat::directory;
  bool prune = true;
  bool allow_empty = false;
  std::uint64_t keep_revisions = 1;
  Duration keep_for = std::chrono::hours(1);
  OnFailure on_failure = OnFailure::keep_revision;
  bool group_write = false;
};

// Health, metrics and status of a sidecar.
struct HttpSpec {
  std::string listen = "[::]:9786";
  Duration max_staleness{0};  // 0: readiness does not age
  bool page = true;
  bool per_chart_metrics = true;
  std::optional<std::filesystem::path> admin_token_file;
  std::optional<std::filesystem::path> cert_file;  // with key_file: HTTPS
  std::optional<std::filesystem::path> key_file;
};

// What to do around a publication; exactly one of exec, http and touch.
struct HookSpec {
  enum class When { published, gate };
  enum class Per { pass, chart };

  struct Exec {
    std::vector<std::string> command;
    Duration timeout = std::chrono::seconds(30);

    friend bool operator==(const Exec&, const Exec&) = default;
  };

  struct Http {
    std::string url;
    std::string method = "POST";
    std::uint64_t success_status = 200;
    std::optional<std::filesystem::path> headers_file;
    Duration timeout = std::chrono::seconds(5);

    friend bool operator==(const Http&, const Http&) = default;
  };

  std::string name;
  Position at;
  When when = When::published;
  std::optional<Per> per;  // absent: pass, for a gate chart
  std::optional<Exec> exec;
  std::optional<Http> http;
  std::optional<std::filesystem::path> touch;

  bool per_chart() const { return per ? *per == Per::chart : when == When::gate; }
};

// What an archive may hold before it is refused; every bound is inclusive.
struct LimitsSpec {
  std::uint64_t archive_size = 64ULL << 20;
  std::uint64_t unpacked_size = 256ULL << 20;
  std::uint64_t file_size = 64ULL << 20;
  std::uint64_t entries = 10'000;
  std::uint64_t ratio = 200;
  std::uint64_t manifest_size = 4ULL << 20;

  friend bool operator==(const LimitsSpec&, const LimitsSpec&) = default;
};

// Where a registry's credentials come from; exactly one kind. Paths are absolute.
struct CredentialsSpec {
  enum class Kind {
    secret_dir,
    username_password,
    docker_config,
    helper,
    token_file,
    identity_token_file,
    anonymous
  };

  Kind kind = Kind::anonymous;
  std::filesystem::path path;  // secret_dir, docker_config, token_file, identity_token_file
  std::string username;        // username_password
  std::filesystem::path password_file;  // username_password: this ...
  std::string password_env;             // ... or that
  std::string helper;                   // the <suffix> of docker-credential-<suffix>

  friend bool operator==(const CredentialsSpec&, const CredentialsSpec&) = default;
};

struct TlsSpec {
  enum class CaMode { append, replace };

  std::optional<std::filesystem::path> ca_file;
  CaMode ca_mode = CaMode::append;
  std::optional<std::filesystem::path> cert_file;
  std::optional<std::filesystem::path> key_file;
  bool insecure_skip_verify = false;

  friend bool operator==(const TlsSpec&, const TlsSpec&) = default;
};

struct ProxySpec {
  std::string url;
  std::optional<CredentialsSpec> credentials;

  friend bool operator==(const ProxySpec&, const ProxySpec&) = default;
};

struct MirrorSpec {
  std::string host;
  std::string path_prefix;  // goes before the repository, without slashes at its ends; may be empty
  bool resolve = false;     // may answer for tags too

  friend bool operator==(const MirrorSpec&, const MirrorSpec&) = default;
};

enum class PrivateRedirects { automatic, allow, refuse };

struct RegistrySpec {
  std::string host;         // host[:port] as written, lower case; or "*.example.com"
  std::string path_prefix;  // "" or "team-a" or "team-a/charts"
  Position at;
  std::optional<bool> plain_http;              // absent: true for loopback names only
  std::optional<CredentialsSpec> credentials;  // absent: the default files
  TlsSpec tls;
  std::optional<ProxySpec> proxy;
  std::vector<MirrorSpec> mirrors;
  std::vector<std::string> trusted_realms;
  PrivateRedirects allow_private_redirects = PrivateRedirects::automatic;
  bool http2 = true;
  std::uint64_t connections = 8;
};

// A classic chart repository (index.yaml), and which of its charts is meant.
struct RepositorySpec {
  std::string url;  // http or https, no user name, no slash at its end; may have a query
  std::string chart;

  friend bool operator==(const RepositorySpec&, const RepositorySpec&) = default;
};

struct ChartSpec {
  explicit ChartSpec(Reference where) : reference(std::move(where)) {}

  std::string name;
  Reference reference;  // as written; a tag only when the chart is pinned to one
  // Present: `reference` only says what the chart is called, this where it comes from.
  std::optional<RepositorySpec> repository;
  Position at;                  // of the ref or repository value
  std::string written_ref;      // for the lock file and messages
  std::string written_version;  // empty when not given
  // Exactly one way to find the revision: a digest in `reference`, a tag in `reference`, or a
  // range.
  std::optional<VersionRange> range;
  std::string range_text;  // what was written; "*" when nothing was given
  std::optional<std::regex> tag_filter;
  std::string tag_filter_text;
  bool required = true;
  bool suspend = false;
  bool immutable = false;
  std::optional<Duration> interval;
  std::string export_path;  // relative, normalised, no "..", never hidden
  ExportFormat export_format = ExportFormat::directory;
};

struct Spec {
  std::string name;  // metadata.name: the owner
  Duration interval = std::chrono::minutes(5);
  std::uint64_t jitter_percent = 10;
  RetrySpec retry;
  Duration timeout = std::chrono::seconds(30);
  Duration stall_timeout = std::chrono::seconds(30);
  Duration accept_stale{0};
  std::uint64_t concurrency = 16;
  bool suspend = false;
  CacheSpec cache;
  ExportSpec exports;
  HttpSpec http;
  std::vector<HookSpec> hooks;
  LimitsSpec limits;
  std::vector<RegistrySpec> registries;
  std::vector<ChartSpec> charts;

  std::string hash;                   // SHA-256 of the file's bytes, hex; of several, of theirs
  std::vector<std::string> files;     // display names, index = Position::file
  std::vector<std::string> warnings;  // "file:line:column: ..." lines that do not stop anything
};

// The registry entry that governs a reference: exact host beats wildcard, longest path prefix wins.
// Null: none; the defaults apply.
const RegistrySpec* find_registry(const Spec& spec, const Reference& reference);

}  // namespace ocisync
