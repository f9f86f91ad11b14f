#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "net/http.h"

namespace ocisync {

// What a server says, or how the exchange fails.
struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::optional<Error> failure = {};  // thrown once the body (cut, then) was delivered
  bool no_answer = false;             // the failure comes before any head
};

inline Reply fails(Reason reason, std::string message = "scripted failure") {
  Reply reply;
  reply.failure = Error(reason, std::move(message));
  reply.no_answer = true;
  return reply;
}

// An HttpClient without a network: answers by script, remembers every request. The script runs on
// the caller's thread, outside of any lock.
class ScriptedHttp final : public HttpClient {
 public:
  struct Seen {
    std::string line;  // "GET https://host/path?query"
    Method method;
    Url url;
    Headers headers;
    std::string body;
    AddressPolicy addresses;
    std::shared_ptr<const Route> route;
    std::optional<SteadyTime> not_before;
    bool fresh_connection;

    std::string header(std::string_view name) const {
      const std::string* value = headers.find(name);
      return value ? *value : "";
    }
  };

  using Script = std::function<Reply(const Seen&)>;

  // Replies to "GET https://host/path" (query left out, or given exactly), one after the other; the
  // last one stays.
  void on(const std::string& line, std::vector<Reply> replies) {
    const std::lock_guard lock(mutex_);
    replies_[line] = std::move(replies);
  }

  // Replies to what has none of the above.
  void otherwise(Script script) { script_ = std::move(script); }

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override {
    if (stop.stop_requested())
      throw Error(Reason::cancelled, "stopped");
    Seen seen{std::string(to_string(request.method)) + " " + request.url.str(),
              request.method,
              request.url,
              request.headers,
              request.body,
              request.addresses,
              request.route,
              request.not_before,
              request.fresh_connection};
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(seen);
    }
    return deliver(request, next_reply(seen));
  }

  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const Seen& each : seen())
      lines.push_back(each.line);
    return lines;
  }

  // How many requests began like that.
  std::size_t count(std::string_view start) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const std::string& line) { return line.starts_with(start); }));
  }

  void forget() {
    const std::lock_guard lock(mutex_);
    seen_.clear();
  }

 private:
  Reply next_reply(const Seen& seen) {
    const std::string bare = seen.line.substr(0, seen.line.find('?'));
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& line : {seen.line, bare}) {
        const auto found = replies_.find(line);
        if (found == replies_.end() || found->second.empty())
          continue;
        Reply reply = found->second.front();
        if (found->second.size() > 1)
          found->second.erase(found->second.begin());
        return reply;
      }
    }
    return script_ ? script_(seen) : Reply{404, {}, R"({"errors":[{"code":"UNSCRIPTED"}]})"};
  }

  static HttpResponse deliver(const HttpRequest& request, const Reply& reply) {
    if (reply.no_answer)
      throw Error(*reply.failure);
    HttpResponse response;
    response.head.status = reply.status;
    for (const auto& [name, value] : reply.headers)
      response.head.headers.add(name, value);
    const std::string_view body =
        request.method == Method::head ? "" : std::string_view(reply.body);
    Sink* sink = request.choose_body ? request.choose_body(response.head) : nullptr;
    if (!sink && body.size() > request.text_limit && reply.status / 100 == 2)
      throw Error(Reason::limit_exceeded, "the answer is larger than its limit");
    if (!sink)
      response.text = body.substr(0, request.text_limit);
    constexpr std::size_t kChunk = 16 * 1024;
    for (std::size_t at = 0; sink && at < body.size(); at += kChunk)
      sink->write(as_bytes(body.substr(at, kChunk)));
    response.body_bytes = body.size();
    response.sent_bytes = request.body.size();
    if (reply.failure)
      throw Error(*reply.failure);
    return response;
  }

  mutable std::mutex mutex_;  // guards replies_ and seen_
  std::map<std::string, std::vector<Reply>> replies_;
  std::vector<Seen> seen_;
  Script script_;
};

}  // namespace ocisync
