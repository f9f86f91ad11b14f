#include "spec/codec.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

using Hook = HookSpec;

Object<Hook::Exec> exec_schema() {
  return Object<Hook::Exec>({
      field<Hook::Exec>("command", &Hook::Exec::command,
                        list_of(any_text("an argument", "any text")),
                        "What to run, without a shell.")
          .required()
          .sample(Json::array().add("/bin/reload").add("--now")),
      field<Hook::Exec>("timeout", &Hook::Exec::timeout, duration(Duration(1)),
                        "How long it may take."),
  });
}

Object<Hook::Http> call_schema() {
  return Object<Hook::Http>({
      field<Hook::Http>(
          "url", &Hook::Http::url,
          text({"a URL", "http:// or https://, nothing secret inside", "https?://[^@\\s]+"}),
          "Whom to call.")
          .required()
          .sample("http://127.0.0.1:8080/-/reload"),
      field<Hook::Http>(
          "method", &Hook::Http::method,
          choice<std::string>("a method", {{"POST", "POST"}, {"PUT", "PUT"}, {"GET", "GET"}}),
          "How."),
      field<Hook::Http>("successStatus", &Hook::Http::success_status, count(100, 599),
                        "The answer that means success."),
      field<Hook::Http>("headersFile", &Hook::Http::headers_file, file(),
                        "Headers to send, one a line.")
          .sample("/etc/ocisync/headers"),
      field<Hook::Http>("timeout", &Hook::Http::timeout, duration(Duration(1)),
                        "How long it may take."),
  });
}

}  // namespace

Object<HookSpec> hook_schema() {
  return Object<Hook>(
             {
                 field<Hook>("name", &Hook::name,
                             text({"a hook's name", kNamePattern, kNamePattern}),
                             "What it is called in log and metrics.")
                     .required()
                     .sample("reload"),
                 field<Hook>("when", &Hook::when,
                             choice<Hook::When>("a moment", {{Hook::When::published, "published"},
                                                             {Hook::When::gate, "gate"}}),
                             "After what readers see has changed: a new revision, a repair, a "
                             "withdrawal. Or before new revisions, with a veto that keeps the old "
                             "ones."),
                 field<Hook>("per", &Hook::per,
                             choice<Hook::Per>("a scope", {{Hook::Per::pass, "pass"},
                                                           {Hook::Per::chart, "chart"}}),
                             "Once for a pass or for each chart. A gate for a pass is asked about "
                             "everything that is ready to be published together. Default: pass; "
                             "of a gate chart.")
                     .sample("pass"),
                 part<Hook>("exec", &Hook::exec, exec_schema(), "Run a program."),
                 part<Hook>("http", &Hook::http, call_schema(), "Call a server.").alternative(),
                 field<Hook>("touch", &Hook::touch, file(), "Give a file the time of now.")
                     .sample("/charts/.updated")
                     .alternative(),
             })
      .exactly_one({"exec", "http", "touch"})
      .check([](Reading& reading, const YamlValue& map, Hook& hook) {
        if (hook.exec && hook.exec->command.empty())
          reading.complain(map.at, "the command is empty (what should run?)");
      });
}

}  // namespace ocisync
