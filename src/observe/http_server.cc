#include "observe/http_server.h"

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <list>

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/files.h"
#include "base/secret.h"
#include "base/text.h"
#include "observe/listener.h"

namespace ocisync {
namespace {

constexpr std::size_t kHeadLimit = 16ULL * 1024;  // of a request, with what MHD needs to answer it
constexpr std::uint64_t kBodyLimit = 64ULL * 1024;
constexpr std::size_t kBlock = 8ULL * 1024;
// MHD takes 128 events at a time, and when there are exactly as many it waits for more before it
// serves any. So there are never as many descriptors: these, and the two that MHD itself watches.
constexpr unsigned kMostVisitors = 100;
constexpr unsigned kMostDescriptors = kMostVisitors + 20;  // with those that are being shown out
constexpr std::uint64_t kTlsFileLimit = 1ULL << 20;
constexpr const char* kTlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

// What every answer says, unless it says otherwise itself.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Cache-Control", "no-store"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

// One connection, from when it was accepted until it is closed.
struct Visitor {
  int fd = -1;
  bool busy = false;                                   // a request is being read or answered
  std::optional<std::list<Visitor*>::iterator> place;  // absent once it was shown out
};

// The connections in the order of their last request, oldest first. Who comes when it is full is
// let in for who was idle longest, or else for who has been served longest. Used in MHD's thread
// only.
class Visitors {
 public:
  explicit Visitors(std::size_t most) : most_(most) {}

  void enter(Visitor& visitor) {
    if (present_.size() >= most_) {
      const auto idle = std::find_if(present_.begin(), present_.end(),
                                     [](const Visitor* each) { return !each->busy; });
      show_out(**(idle == present_.end() ? present_.begin() : idle));
    }
    visitor.place = present_.insert(present_.end(), &visitor);
  }

  void begin(Visitor& visitor) {
    visitor.busy = true;
    if (visitor.place)
      present_.splice(present_.end(), present_, *visitor.place);
  }

  void leave(Visitor& visitor) {
    if (visitor.place)
      present_.erase(*visitor.place);
    visitor.place.reset();
  }

 private:
  void show_out(Visitor& visitor) {
    leave(visitor);
    ::shutdown(visitor.fd, SHUT_RDWR);  // MHD notices, and closes
  }

  std::size_t most_;
  std::list<Visitor*> present_;
};

// One request while its body, if any, comes in.
struct Incoming {
  std::uint64_t body = 0;
};

// What is still to be sent of an answer that is made piece by piece.
struct Outgoing {
  Pieces pieces;
  std::string piece{};
  std::size_t sent = 0;
};

ssize_t next_bytes(void* own, std::uint64_t, char* into, std::size_t room) {
  auto& outgoing = *static_cast<Outgoing*>(own);
  try {
    while (outgoing.sent == outgoing.piece.size()) {
      std::optional<std::string> piece = outgoing.pieces();
      if (!piece)
        return MHD_CONTENT_READER_END_OF_STREAM;
      outgoing.piece = std::move(*piece);
      outgoing.sent = 0;
    }
  } catch (...) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  const std::size_t size = std::min(room, outgoing.piece.size() - outgoing.sent);
  outgoing.piece.copy(into, size, outgoing.sent);
  outgoing.sent += size;
  return static_cast<ssize_t>(size);
}

void drop_outgoing(void* own) { delete static_cast<Outgoing*>(own); }

using Response = Owner<MHD_Response, &MHD_destroy_response>;

Response response_of(const ServerAnswer& answer) {
  if (const auto* text = std::get_if<std::string>(&answer.body))
    return Response(MHD_create_response_from_buffer(text->size(), const_cast<char*>(text->data()),
                                                    MHD_RESPMEM_MUST_COPY));
  return Response(MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &next_bytes,
                                                    new Outgoing{std::get<Pieces>(answer.body)},
                                                    &drop_outgoing));
}

MHD_Result send(MHD_Connection* connection, const ServerAnswer& answer) {
  const Response response = response_of(answer);
  if (!response)
    return MHD_NO;
  MHD_add_response_header(response.get(), "Content-Type", answer.content_type.c_str());
  for (const auto& [name, value] : answer.headers)
    MHD_add_response_header(response.get(), name.c_str(), value.c_str());
  for (const auto& [name, value] : kHeaders)
    if (!MHD_get_response_header(response.get(), name))
      MHD_add_response_header(response.get(), name, value);
  return MHD_queue_response(connection, static_cast<unsigned>(answer.status), response.get());
}

using Values = std::map<std::string, std::string, std::less<>>;

Values values_of(MHD_Connection* connection, MHD_ValueKind kind, bool ignore_case) {
  struct Target {
    Values values{};
    bool ignore_case;
  } target{.ignore_case = ignore_case};

  const auto take = [](void* own, MHD_ValueKind, const char* key, const char* value) {
    auto& into = *static_cast<Target*>(own);
    into.values.emplace(into.ignore_case ? lower(key) : std::string(key), value ? value : "");
    return MHD_YES;
  };
  MHD_get_connection_values(connection, kind, take, &target);
  return std::move(target.values);
}

bool announces_too_much(MHD_Connection* connection) {
  const char* text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
  if (!text)
    return false;
  std::uint64_t length = 0;
  const auto [end, code] = std::from_chars(text, text + std::strlen(text), length);
  return code != std::errc() || *end != '\0' || length > kBodyLimit;
}

std::string tls_file(const std::filesystem::path& path, const char* field) {
  std::optional<std::string> text = read_user_file(path, kTlsFileLimit);
  if (!text)
    throw Error(Reason::usage_invalid,
                fmt::format("http.tls.{}: {} does not exist", field, path.string()));
  return std::move(*text);
}

}  // namespace

// One MHD and the connections it accepted; a new certificate needs a new one. The static functions
// are what MHD calls, in its thread.
class HttpServer::Service {
 public:
  Service(const HttpServerSettings& settings, const Handler& handler, const Listener& listener)
      : handler_(handler), visitors_(std::clamp(settings.connections, 1U, kMostVisitors)) {
    const std::string cert = settings.tls ? tls_file(settings.tls->cert_file, "certFile") : "";
    const Secret key(settings.tls ? tls_file(settings.tls->key_file, "keyFile") : "");
    std::vector<MHD_OptionItem> options;
    if (settings.tls)
      options = {{MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(cert.c_str())},
                 {MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(key.reveal().c_str())},
                 {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(kTlsPriorities)}};
    options.push_back({MHD_OPTION_END, 0, nullptr});
    Fd listening(::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, 0));  // MHD closes the one it is given
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                           (settings.tls ? unsigned{MHD_USE_TLS} : 0U);
    const auto idle = std::chrono::duration_cast<std::chrono::seconds>(settings.idle).count();
    daemon_.reset(MHD_start_daemon(flags, 0, nullptr, nullptr, &Service::receive, this,  //
                                   MHD_OPTION_EXTERNAL_LOGGER, &Service::log, this,      //
                                   MHD_OPTION_LISTEN_SOCKET, listening.get(),            //
                                   MHD_OPTION_CONNECTION_LIMIT, kMostDescriptors,
                                   MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(idle),
                                   MHD_OPTION_CONNECTION_MEMORY_LIMIT, kHeadLimit,        //
                                   MHD_OPTION_STRICT_FOR_CLIENT, 1,                       //
                                   MHD_OPTION_NOTIFY_CONNECTION, &Service::notify, this,  //
                                   MHD_OPTION_NOTIFY_COMPLETED, &Service::complete, this,
                                   MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END));
    if (!daemon_)
      throw Error(
          Reason::usage_invalid,
          settings.tls
              ? fmt::format("{} and {} are no certificate and key that fit: {}",
                            settings.tls->cert_file.string(), settings.tls->key_file.string(),
                            printable(trim(complaint_)))
              : fmt::format("the HTTP server does not start: {}", printable(trim(complaint_))));
    listening.release();
  }

 private:
  static void log(void* own, const char* format, va_list arguments) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, arguments);
    static_cast<Service*>(own)->complaint_ = text;
  }

  static Visitor* visitor_of(MHD_Connection* connection) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? static_cast<Visitor*>(info->socket_context) : nullptr;
  }

  static void notify(void* own, MHD_Connection* connection, void** context,
                     MHD_ConnectionNotificationCode what) {
    auto& visitors = static_cast<Service*>(own)->visitors_;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      auto visitor = std::make_unique<Visitor>();
      const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
      visitor->fd = info ? info->connect_fd : -1;
      visitors.enter(*visitor);
      *context = visitor.release();
    } else if (const std::unique_ptr<Visitor> visitor(static_cast<Visitor*>(*context)); visitor) {
      visitors.leave(*visitor);
      *context = nullptr;
    }
  }

  static void complete(void*, MHD_Connection* connection, void** incoming,
                       MHD_RequestTerminationCode) {
    delete static_cast<Incoming*>(std::exchange(*incoming, nullptr));
    if (Visitor* visitor = visitor_of(connection))
      visitor->busy = false;
  }

  // MHD calls it once for the head, for each part of a body, and once more when all is there.
  static MHD_Result receive(void* own, MHD_Connection* connection, const char* path,
                            const char* method, const char*, const char*, std::size_t* upload,
                            void** state) {
    const auto* service = static_cast<const Service*>(own);
    if (!*state) {
      *state = new Incoming;
      if (Visitor* visitor = visitor_of(connection))
        static_cast<Service*>(own)->visitors_.begin(*visitor);
      return announces_too_much(connection)
                 ? send(connection, {.status = 413, .body = "413 the body is too large\n"})
                 : MHD_YES;
    }
    auto& incoming = *static_cast<Incoming*>(*state);
    if (*upload > 0) {
      incoming.body += *upload;
      *upload = 0;
      return incoming.body > kBodyLimit ? MHD_NO : MHD_YES;  // no: the connection is dropped
    }
    return send(connection, service->ask(connection, path, method));
  }

  ServerAnswer ask(MHD_Connection* connection, const char* path, const char* method) const {
    try {
      return handler_({.method = method,
                       .path = path,
                       .query = values_of(connection, MHD_GET_ARGUMENT_KIND, false),
                       .headers = values_of(connection, MHD_HEADER_KIND, true)});
    } catch (const std::exception&) {
      return {.status = 500, .body = "500 internal error\n"};
    }
  }

  const Handler& handler_;
  Visitors visitors_;
  std::string complaint_;  // MHD's last words
  Owner<MHD_Daemon, &MHD_stop_daemon> daemon_;
};

HttpServer::HttpServer(const HttpServerSettings& settings, Handler handler)
    : settings_(settings),
      handler_(std::move(handler)),
      listener_(listen_on(settings.listen)),
      service_(std::make_unique<Service>(settings_, handler_, listener_)) {}

HttpServer::~HttpServer() = default;

void HttpServer::reload_tls() {
  if (settings_.tls)
    service_ = std::make_unique<Service>(settings_, handler_, listener_);
}

}  // namespace ocisync
