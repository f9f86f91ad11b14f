#include "registry/route_book.h"

#include <fmt/format.h>

#include "base/error.h"
#include "net/proxy_rules.h"
#include "net/trust_file.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMaxBundle = 8 << 20;

// The file's authorities after those that come before it, if any.
std::string anchors(const UserFiles::Content& before, const UserFiles::Content& file) {
  if (!file)
    return "";
  std::string text = before ? *before : "";
  if (!text.empty() && !text.ends_with('\n'))
    text += '\n';
  return text + *file;
}

}  // namespace

RouteBook::RouteBook(Environment environment, CredentialStore& credentials, const Clock& clock)
    : environment_(std::move(environment)), credentials_(credentials), files_(clock) {}

RouteBook::Proxy RouteBook::proxy_for(const RegistrySpec* registry, const Url& url,
                                      const std::stop_token& stop) {
  if (!registry || !registry->proxy)
    return {environment_proxy(url, environment_).value_or(""), {}};
  const ProxySpec& proxy = *registry->proxy;
  if (!proxy.credentials)
    return {proxy.url, {}};
  const auto address = Url::parse(proxy.url);
  return {proxy.url, credentials_.resolve(*proxy.credentials,
                                          address ? address->origin().authority() : registry->host,
                                          CredentialStore::Freshness::cached_is_fine, stop)};
}

// Null when the entry names no such file.
UserFiles::Content RouteBook::pem(const std::optional<std::filesystem::path>& path,
                                  std::string_view field, std::string_view label) {
  if (!path)
    return nullptr;
  UserFiles::Content text;
  try {
    text = files_.read(*path, CredentialStore::Freshness::cached_is_fine);
  } catch (const Error& error) {
    throw Error(Reason::tls_failed, fmt::format("{}: {}", field, error.message()));
  }
  if (!text)
    throw Error(Reason::tls_failed, fmt::format("{} {} does not exist", field, path->string()));
  const auto begin = text->find("-----BEGIN ");
  if (begin == std::string::npos || text->find(label, begin) == std::string::npos)
    throw Error(Reason::tls_failed,
                fmt::format("{} {} holds no PEM block of a {}", field, path->string(), label));
  return text;
}

// What everything else on the machine trusts. Null when this system keeps no such file.
UserFiles::Content RouteBook::system_bundle() {
  const std::string file = find_trust_file(environment_);
  try {
    return file.empty() ? nullptr
                        : files_.read(file, CredentialStore::Freshness::cached_is_fine, kMaxBundle);
  } catch (const Error& error) {
    throw Error(Reason::tls_failed, error.message());
  }
}

std::shared_ptr<const Route> RouteBook::route(const RegistrySpec* registry, const Url& url,
                                              Whose whose, const std::stop_token& stop) {
  static const TlsSpec kDefaults;
  const TlsSpec& tls = registry ? registry->tls : kDefaults;
  const bool own = whose == Whose::registry;
  const Proxy proxy = proxy_for(registry, url, stop);
  const UserFiles::Content ca = pem(tls.ca_file, "caFile", "CERTIFICATE");
  const bool appended = ca && tls.ca_mode == TlsSpec::CaMode::append;
  const UserFiles::Content system = appended ? system_bundle() : nullptr;
  const UserFiles::Content cert = own ? pem(tls.cert_file, "certFile", "CERTIFICATE") : nullptr;
  const UserFiles::Content key = own ? pem(tls.key_file, "keyFile", "PRIVATE KEY") : nullptr;
  const std::vector<UserFiles::Content> files = {ca, system, cert, key};
  const std::string fingerprint = proxy.credential.fingerprint();

  const Key name(registry, whose, proxy.url);
  if (auto held = made_.with([&](const auto& made) -> std::shared_ptr<const Route> {
        const auto found = made.find(name);
        const bool same = found != made.end() && found->second.files == files &&
                          found->second.proxy_credential == fingerprint;
        return same ? found->second.route : nullptr;
      }))
    return held;

  auto fresh = std::make_shared<Route>();
  if (registry) {
    fresh->http2 = registry->http2;
    fresh->connections = static_cast<std::uint32_t>(registry->connections);
  }
  fresh->ca_pem = anchors(system, ca);
  fresh->client_cert_pem = cert ? *cert : "";
  fresh->client_key_pem = Secret(key ? *key : "");
  fresh->insecure_skip_verify = own && tls.insecure_skip_verify;
  fresh->proxy = proxy.url;
  fresh->proxy_username = proxy.credential.username;
  fresh->proxy_password = proxy.credential.secret;
  return made_.with([&](auto& made) -> std::shared_ptr<const Route> {
    Made& entry = made[name];
    if (!entry.route || entry.files != files || entry.proxy_credential != fingerprint)
      entry = {files, fingerprint, fresh};
    return entry.route;
  });
}

}  // namespace ocisync
