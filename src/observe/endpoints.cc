#include "observe/endpoints.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/secret.h"
#include "base/text.h"
#include "observe/health.h"
#include "observe/page.h"
#include "observe/status_document.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kTokenFileLimit = 16ULL * 1024;
constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kNamed = 3;  // charts that a short answer names

// The page may load its own script, style and status, and nothing else.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

ServerAnswer line(int status, std::string_view text) {
  return {.status = status, .body = fmt::format("{} {}\n", status, text)};
}

std::string verbose_text(const Verdict& verdict) {
  std::string text;
  for (const Verdict::Line& each : verdict.lines)
    text += fmt::format("[{}] {}\n", each.good ? '+' : '-', printable(each.text));
  return text + (verdict.good ? "ok\n" : "not ok\n");
}

// One line: ok, or what is wrong, a few charts named.
std::string short_text(const Verdict& verdict) {
  if (verdict.good)
    return "ok\n";
  std::string text = "not ok: ";
  std::size_t bad = 0;
  for (const Verdict::Line& each : verdict.lines)
    if (!each.good && bad++ < kNamed)
      text += (bad > 1 ? "; " : "") + printable(each.text);
  return text + (bad > kNamed ? fmt::format("; and {} more\n", bad - kNamed) : "\n");
}

ServerAnswer probe(const ServerRequest& request, const Verdict& verdict) {
  return {.status = verdict.good ? 200 : 503,
          .body = request.query.contains("verbose") ? verbose_text(verdict) : short_text(verdict)};
}

std::string digest_hex(std::string_view text) { return Digest::of(text).hex(); }

// In a time that does not depend on how much of it is right, or how long it is.
bool same(std::string_view offered, const Secret& token) {
  const std::string a = digest_hex(offered);
  const std::string b = digest_hex(token.reveal());
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Read at every use, so a token that was changed counts at once. Absent: unreadable or empty.
std::optional<Secret> read_token(const std::filesystem::path& path) {
  try {
    const auto text = read_user_file(path, kTokenFileLimit);
    Secret token(std::string(text ? trim(*text) : ""));
    return token.empty() ? std::nullopt : std::optional(std::move(token));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

struct Endpoints::State {
  enum class Access { anyone, admin };

  struct Route {
    std::string_view path;
    Access access;
    ServerAnswer (State::*answer)(const ServerRequest&, const EndpointSettings&) const;
  };

  ServerAnswer live(const ServerRequest& request, const EndpointSettings&) const {
    return probe(request, liveness(board.snapshot()));
  }

  ServerAnswer start(const ServerRequest& request, const EndpointSettings&) const {
    return probe(request, startup(board.snapshot()));
  }

  ServerAnswer ready(const ServerRequest& request, const EndpointSettings& now) const {
    return probe(request, readiness(board.snapshot(), clock.wall(), now.max_staleness));
  }

  ServerAnswer scrape(const ServerRequest&, const EndpointSettings&) const {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics.pieces()};
  }

  ServerAnswer status(const ServerRequest& request, const EndpointSettings& now) const;
  ServerAnswer sync(const ServerRequest& request, const EndpointSettings& now) const;
  ServerAnswer reload(const ServerRequest& request, const EndpointSettings& now) const;
  ServerAnswer set_off(const ServerRequest& request, const EndpointSettings& now,
                       const std::function<void()>& action) const;
  ServerAnswer answer(const ServerRequest& request) const;

  static const std::array<Route, 8> kRoutes;

  Guarded<EndpointSettings> settings;
  const StatusBoard& board;
  const Metrics& metrics;
  const Clock& clock;
  AdminActions actions;
  std::string epoch;  // tells this process's revisions from another's
};

const std::array<Endpoints::State::Route, 8> Endpoints::State::kRoutes{{
    {"/livez", Access::anyone, &State::live},
    {"/healthz", Access::anyone, &State::live},
    {"/startupz", Access::anyone, &State::start},
    {"/readyz", Access::anyone, &State::ready},
    {"/metrics", Access::anyone, &State::scrape},
    {"/status", Access::anyone, &State::status},
    {"/-/sync", Access::admin, &State::sync},
    {"/-/reload", Access::admin, &State::reload},
}};

ServerAnswer Endpoints::State::status(const ServerRequest& request,
                                      const EndpointSettings& now) const {
  BoardSnapshot snapshot = board.snapshot();
  const std::string tag = fmt::format("\"{}-{}-{}\"", epoch, snapshot.revision, now.page);
  const auto known = request.headers.find("if-none-match");
  if (known != request.headers.end() && known->second == tag)
    return {.status = 304, .headers = {{"ETag", tag}}};
  return {.content_type = "application/json",
          .headers = {{"ETag", tag}},
          .body = status_document(std::move(snapshot), now.page)};
}

ServerAnswer Endpoints::State::set_off(const ServerRequest& request, const EndpointSettings& now,
                                       const std::function<void()>& action) const {
  const std::optional<Secret> token = read_token(*now.admin_token_file);
  if (!token)
    return line(503, "the file of http.adminTokenFile cannot be read, or is empty");
  const auto offered = request.headers.find("authorization");
  const bool granted = offered != request.headers.end() &&
                       offered->second.size() > kBearer.size() &&
                       equal_ignoring_case(offered->second.substr(0, kBearer.size()), kBearer) &&
                       same(offered->second.substr(kBearer.size()), *token);
  if (!granted) {
    ServerAnswer refusal = line(401, "this needs the admin token: Authorization: Bearer TOKEN");
    refusal.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"ocisync\"");
    return refusal;
  }
  action();
  return line(202, "accepted");
}

ServerAnswer Endpoints::State::sync(const ServerRequest& request,
                                    const EndpointSettings& now) const {
  return set_off(request, now, actions.sync);
}

ServerAnswer Endpoints::State::reload(const ServerRequest& request,
                                      const EndpointSettings& now) const {
  return set_off(request, now, actions.reload);
}

ServerAnswer Endpoints::State::answer(const ServerRequest& request) const {
  const EndpointSettings now = settings.with([](const EndpointSettings& held) { return held; });
  const auto route = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& each) {
    return each.path == request.path &&
           (each.access == Access::anyone || now.admin_token_file.has_value());
  });
  const PageFile* file = now.page ? find_page_file(request.path) : nullptr;
  if (route == kRoutes.end() && !file)
    return line(404, "not found; there are /livez /readyz /startupz /metrics /status and /");
  const bool admin = route != kRoutes.end() && route->access == Access::admin;
  const std::string_view allowed = admin ? "POST" : "GET, HEAD";
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (admin ? request.method != "POST" : !reads) {
    ServerAnswer refusal = line(405, fmt::format("{} only", allowed));
    refusal.headers.emplace_back("Allow", allowed);
    return refusal;
  }
  if (route != kRoutes.end())
    return (this->*route->answer)(request, now);
  return {.content_type = std::string(file->content_type),
          .headers = {{"Content-Security-Policy", kPagePolicy}},
          .body = std::string(file->bytes)};
}

Endpoints::Endpoints(EndpointSettings settings, const StatusBoard& board, const Metrics& metrics,
                     const Clock& clock, AdminActions actions)
    : state_(new State{.settings = Guarded(std::move(settings)),
                       .board = board,
                       .metrics = metrics,
                       .clock = clock,
                       .actions = std::move(actions),
                       .epoch = private_name("")}) {}

Endpoints::~Endpoints() = default;

void Endpoints::set(EndpointSettings settings) {
  state_->settings.with([&](EndpointSettings& held) { held = std::move(settings); });
}

ServerAnswer Endpoints::answer(const ServerRequest& request) const {
  return state_->answer(request);
}

}  // namespace ocisync
