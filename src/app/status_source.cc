#include "app/status_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "net/curl_engine.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kStatusLimit = 64ULL << 20;
constexpr std::uint64_t kCaLimit = 8ULL << 20;
constexpr Duration kPatience = std::chrono::seconds(5);
constexpr std::string_view kDefaultPort = "9786";

// Where a sidecar with our environment listens, seen from the same pod.
std::string default_url() {
  const std::string listen = process_variable("OCISYNC_LISTEN").value_or("");
  const std::size_t colon = listen.rfind(':');
  const bool given = colon != std::string::npos;
  const std::string host = given ? listen.substr(0, colon) : "";
  const bool any = host.empty() || host == "[::]" || host == "0.0.0.0";
  return fmt::format("http://{}:{}", any ? "127.0.0.1" : host,
                     given ? std::string_view(listen).substr(colon + 1) : kDefaultPort);
}

Url url_of(const StatusSource& source, std::string_view path) {
  std::string base = source.url.value_or(default_url());
  while (base.ends_with('/'))
    base.pop_back();
  std::string why;
  const auto url = Url::parse(base + std::string(path), &why);
  if (!url)
    throw Error(Reason::usage_invalid, fmt::format("--url {}: {}", printable(base), why));
  return *url;
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

}  // namespace

void declare(Flags& flags, StatusSource& source) {
  flags.text("url", "URL", source.url, "The sidecar to ask (http://127.0.0.1:9786)");
  flags.path("export", "DIR", source.exports, "Or the export directory to look into").variable =
      false;
  flags.path("ca-file", "FILE", source.ca_file, "Whom to trust when the URL is https");
  flags.toggle("insecure-skip-tls-verify", source.insecure_skip_verify,
               "Trust anybody when the URL is https");
}

HttpResponse ask_sidecar(const StatusSource& source, std::string_view path, std::stop_token stop) {
  auto route = std::make_shared<Route>();
  route->ca_pem = ca_of(source);
  route->insecure_skip_verify = source.insecure_skip_verify;
  HttpRequest request{.url = url_of(source, path), .route = std::move(route)};
  request.timeout = request.stall_timeout = kPatience;
  request.text_limit = kStatusLimit;
  CurlEngine http("ocisync/" OCISYNC_VERSION);
  return http.send(request, std::move(stop));
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
