#include "app/status_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "net/curl_engine.h"
#include "spec/load.h"
#include "spec/source.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kStatusLimit = 64ULL << 20;
constexpr std::uint64_t kCaLimit = 8ULL << 20;
constexpr Duration kPatience = std::chrono::seconds(5);

// Where the sidecar in our container listens: as everywhere, variable before spec before default. A
// spec that has a mistake now still says it, since the sidecar goes on with the one before.
std::string listen_address(const StatusSource& source) {
  if (const auto listen = process_variable("OCISYNC_LISTEN"); listen && !listen->empty())
    return *listen;
  const bool readable =
      !source.config.empty() && std::find(source.config.begin(), source.config.end(), "-") ==
                                    source.config.end();  // standard input is the sidecar's own
  try {
    if (readable)
      return load_spec(read_spec_sources(source.config), process_variable).listen;
  } catch (const Error&) {
  }
  return HttpSpec{}.listen;
}

// The same, seen from inside: host and port.
std::string own_authority(const StatusSource& source) {
  const std::string listen = listen_address(source);
  const std::size_t colon = listen.rfind(':');
  const std::string host = colon == std::string::npos ? listen : listen.substr(0, colon);
  const bool any = host.empty() || host == "[::]" || host == "0.0.0.0";
  return (any ? "127.0.0.1" : host) + (colon == std::string::npos ? "" : listen.substr(colon));
}

std::string ca_of(const StatusSource& source) {
  if (!source.ca_file)
    return "";
  auto pem = read_user_file(*source.ca_file, kCaLimit);
  if (!pem)
    throw Error(Reason::usage_invalid,
                fmt::format("--ca-file {} does not exist", printable(source.ca_file->string())));
  return std::move(*pem);
}

HttpResponse ask(const StatusSource& source, std::string base, std::string_view path,
                 bool skip_verify, const std::stop_token& stop) {
  while (base.ends_with('/'))
    base.pop_back();
  std::string why;
  auto url = Url::parse(base + std::string(path), &why);
  if (!url)
    throw Error(Reason::usage_invalid, fmt::format("--url {}: {}", printable(base), why));
  auto route = std::make_shared<Route>();
  route->ca_pem = ca_of(source);
  route->insecure_skip_verify = skip_verify;
  HttpRequest request{.url = *std::move(url), .route = std::move(route)};
  request.timeout = request.stall_timeout = kPatience;
  request.text_limit = kStatusLimit;
  CurlEngine http("ocisync/" OCISYNC_VERSION);
  return http.send(request, stop);
}

}  // namespace

void declare(Flags& flags, StatusSource& source) {
  flags.text("url", "URL", source.url, "The sidecar to ask (the one in this container)");
  flags.list("config", "FILE", source.config, "Its spec, for where it listens (repeats)").letter =
      'c';
  flags.path("export", "DIR", source.exports, "Or the export directory to look into").variable =
      false;
  flags.path("ca-file", "FILE", source.ca_file, "Whom to trust when the URL is https");
  flags.toggle("insecure-skip-tls-verify", source.insecure_skip_verify,
               "Trust anybody when the URL is https");
}

HttpResponse ask_sidecar(const StatusSource& source, std::string_view path, std::stop_token stop) {
  if (source.url)
    return ask(source, *source.url, path, source.insecure_skip_verify, stop);
  const std::string authority = own_authority(source);
  try {
    return ask(source, "http://" + authority, path, false, stop);
  } catch (const Error& in_the_clear) {
    try {
      return ask(source, "https://" + authority, path, !source.ca_file, stop);
    } catch (const Error&) {
      throw in_the_clear;
    }
  }
}

Json parse_status(const std::string& text) {
  Json document = Json::parse(text, {.depth = 16, .values = 10'000'000});
  const std::string* kind = document.find_string("kind");
  if (!kind || *kind != "SyncStatus")
    throw Error(Reason::protocol_violation, "this is no status of ocisync");
  return document;
}

std::vector<Json> read_volume_status(const StatusSource& source) {
  const auto volume = Directory::open_if_exists(*source.exports);
  const auto folder = volume ? volume->find(".ocisync/status") : std::nullopt;
  std::vector<std::string> names = folder ? folder->names() : std::vector<std::string>();
  std::sort(names.begin(), names.end());
  std::vector<Json> documents;
  for (const std::string& name : names) {
    if (!name.ends_with(".json") || name.starts_with('.'))
      continue;
    if (const auto text = folder->read(name, kStatusLimit))
      documents.push_back(
          during([&] { return "reading " + printable((folder->path() / name).string()); },
                 [&] { return parse_status(*text); }));
  }
  if (documents.empty())
    throw Error(Reason::unavailable, fmt::format("{} holds no status yet: no pass has ended",
                                                 printable(source.exports->string())));
  return documents;
}

std::string condition_status(const Json& chart, std::string_view type) {
  static const Json none;
  const Json* conditions = chart.find("conditions");
  for (const Json& each : (conditions ? *conditions : none).items()) {
    const std::string* name = each.find_string("type");
    const std::string* status = each.find_string("status");
    if (name && status && *name == type)
      return *status;
  }
  return "Unknown";
}

}  // namespace ocisync
