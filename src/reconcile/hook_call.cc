#include "reconcile/hook_call.h"

#include <memory>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/document.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "net/retry.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kLargestFile = 64 * 1024;
// Linux starts no program with a variable of 128 KiB.
constexpr std::size_t kLongestNames = 100'000;

std::string document(const HookSpec& hook, const std::vector<HookChange>& changes) {
  Json charts = Json::array();
  for (const HookChange& change : changes)
    charts.add(change_json(change));
  Json json = document_of_kind("HookCall");
  json.set("hook", hook.name);
  json.set("when", hook.when == HookSpec::When::gate ? "gate" : "published");
  json.set("charts", std::move(charts));
  return json.dump() + "\n";
}

// What a program gets: what it needs to run at all, and what it is about.
std::vector<std::string> environment(const HookSpec& hook, const std::vector<HookChange>& changes) {
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "HOME", "TMPDIR", "LANG", "TZ"})
    if (const auto value = process_variable(name))
      variables.push_back(fmt::format("{}={}", name, *value));
  const auto add = [&](std::string_view name, const std::string& value) {
    variables.push_back(fmt::format("OCISYNC_HOOK_{}={}", name, value));
  };
  std::string names;
  for (const HookChange& change : changes)
    names += (names.empty() ? "" : ",") + change.chart;
  add("NAME", hook.name);
  add("WHEN", hook.when == HookSpec::When::gate ? "gate" : "published");
  if (names.size() <= kLongestNames)
    add("CHARTS", names);
  if (changes.size() == 1) {
    const HookChange& change = changes.front();
    add("ACTION", std::string(to_string(change.action)));
    add("CHART", change.chart);
    add("REF", change.reference);
    add("VERSION", change.version);
    add("DIGEST", change.digest);
    add("PREVIOUS_DIGEST", change.previous);
    add("PATH", change.path);
  }
  return variables;
}

std::string last_words(const ProcessResult& result) {
  const std::string_view said =
      trim(result.error_output.empty() ? std::string_view(result.output) : result.error_output);
  const std::size_t line = said.rfind('\n');
  return printable(line == std::string_view::npos ? said : said.substr(line + 1), 256);
}

// Whatever is at the name is neither opened, since a pipe would wait for a reader, nor followed:
// others may have planted it.
void touch(const std::filesystem::path& path) {
  const std::string name = path.filename();
  const Directory folder = Directory::open(path.parent_path());
  const auto status = name.empty() ? std::nullopt : folder.status(name);
  if (name.empty() || (status && !S_ISREG(status->st_mode)))
    throw Error(Reason::storage_failed, printable(path.native()) + " is not a regular file");
  if (status || !folder.write_new(name, "", kDefaultModes.file))
    folder.touch(name);
}

Headers headers_of(const HookSpec::Http& call) {
  Headers headers;
  headers.add("Content-Type", "application/json");
  if (!call.headers_file)
    return headers;
  const auto text = read_user_file(*call.headers_file, kLargestFile);
  if (!text)
    throw Error(Reason::storage_failed,
                "the headers file " + printable(call.headers_file->native()) + " is missing");
  for (const std::string_view line : split(*text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && colon > 0)
      headers.add(std::string(trim(line.substr(0, colon))),
                  std::string(trim(line.substr(colon + 1))));
  }
  return headers;
}

void call_program(const HookSpec& hook, const std::vector<HookChange>& changes,
                  const std::stop_token& stop) {
  const ProcessRequest request{.command = hook.exec->command,
                               .input = document(hook, changes),
                               .environment = environment(hook, changes),
                               .time_limit = hook.exec->timeout,
                               .output_may_exceed = true};
  const ProcessResult result = run_process(request, [&] { return stop.stop_requested(); });
  if (stop.stop_requested())
    throw Error(Reason::cancelled, "stopped while a hook ran");
  if (!result.found)
    throw Error(Reason::verification_failed, "the program cannot be run: " + last_words(result));
  if (result.timed_out)
    throw Error(Reason::timed_out, fmt::format("the hook {} took longer than {} ms", hook.name,
                                               hook.exec->timeout.count()));
  if (result.exit_code != 0)
    throw Error(Reason::verification_failed,
                fmt::format("exit code {}{}{}", result.exit_code,
                            last_words(result).empty() ? "" : ": ", last_words(result)));
}

void call_server(const HookSpec& hook, const std::vector<HookChange>& changes, HttpClient& http,
                 const std::stop_token& stop) {
  const HookSpec::Http& call = *hook.http;
  std::string why;
  auto url = Url::parse(call.url, &why);
  if (!url)
    throw Error(Reason::verification_failed, "the url is none: " + why);
  HttpRequest request{.method = call.method == "GET"   ? Method::get
                                : call.method == "PUT" ? Method::put
                                                       : Method::post,
                      .url = *std::move(url),
                      .route = std::make_shared<const Route>(),
                      .headers = headers_of(call)};
  if (request.method != Method::get)
    request.body = document(hook, changes);
  request.timeout = call.timeout;
  request.stall_timeout = call.timeout;
  const HttpResponse answer = http.send(request, stop);
  if (static_cast<std::uint64_t>(answer.status()) != call.success_status)
    throw Error(
        retryable_status(answer.status()) ? Reason::unavailable : Reason::verification_failed,
        fmt::format("{} answered {} instead of {}", request.url.display(), answer.status(),
                    call.success_status));
}

}  // namespace

HookChange change_of(const Spec& spec, Action action, const Publication& publication,
                     std::string previous) {
  return {.action = action,
          .chart = publication.chart,
          .reference = publication.reference,
          .version = publication.chart_version,
          .digest = action == Action::remove ? std::string() : publication.manifest.str(),
          .previous = std::move(previous),
          .path = absolute_export_path(spec, publication.path)};
}

HookChange joined(const HookChange& older, HookChange newer) {
  newer.previous = older.previous;
  if (newer.action == Action::remove)
    return newer;
  if (newer.previous.empty())
    newer.action = Action::create;
  else if (newer.action != Action::repair || older.action != Action::repair)
    newer.action = Action::update;
  return newer;
}

Json change_json(const HookChange& change) {
  Json json = Json::object();
  json.set("name", change.chart).set("action", std::string(to_string(change.action)));
  json.set("ref", change.reference).set("version", change.version);
  if (!change.digest.empty())
    json.set("digest", change.digest);
  if (!change.previous.empty())
    json.set("previousDigest", change.previous);
  json.set("path", change.path);
  return json;
}

std::optional<HookChange> read_change(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const auto member = [&](std::string_view key) {
      const std::string* value = json.find_string(key);
      return value ? *value : std::string();
    };
    HookChange change{.chart = member("name"),
                      .reference = member("ref"),
                      .version = member("version"),
                      .digest = member("digest"),
                      .previous = member("previousDigest"),
                      .path = member("path")};
    for (const Action each : {Action::create, Action::repair, Action::remove})
      if (member("action") == to_string(each))
        change.action = each;
    return change.chart.empty() ? std::nullopt : std::optional(std::move(change));
  } catch (const Error&) {
    return std::nullopt;
  }
}

void call_hook(const HookSpec& hook, const std::vector<HookChange>& changes, HttpClient& http,
               const std::stop_token& stop) {
  if (hook.exec)
    call_program(hook, changes, stop);
  else if (hook.http)
    call_server(hook, changes, http, stop);
  else
    touch(*hook.touch);
}

}  // namespace ocisync
