#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/registry_options.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/endpoint.h"

namespace ocisync {
namespace {

struct RegistryCheckOptions {
  SpecOptions spec;
  RegistryOptions registry;
  LogOptions log;
  std::optional<OutputFormat> output;
  std::string host;
};

void declare_registry_check(Flags& flags, RegistryCheckOptions& options) {
  flags.positional("HOST", options.host, "The registry: host[:port], or host[:port]/path")
      .required = true;
  declare_config(flags, options.spec);
  declare(flags, options.spec, options.registry);
  declare_output(flags, options.output);
  declare(flags, options.log);
}

struct Report {
  std::string host;
  FrontDoor door;
  std::string credentials;  // where they come from, and of which kind; never what they are
  int exit_code = 0;
};

// So that the entry for its path applies.
Reference repository_of(const std::string& host) {
  try {
    return somewhere_on(host);
  } catch (const Error&) {
    throw Error(Reason::usage_invalid,
                fmt::format("'{}' is no registry (host[:port] or host[:port]/path, no scheme)",
                            printable(host)));
  }
}

std::string describe(const Credential& credential) {
  switch (credential.kind) {
    case Credential::Kind::anonymous:
      return credential.source;
    case Credential::Kind::basic:
      return credential.source + " (user name and password)";
    case Credential::Kind::identity_token:
      return credential.source + " (identity token)";
    case Credential::Kind::bearer:
      return credential.source + " (token)";
  }
  return credential.source;
}

std::string credentials_for(CredentialStore& store, const Spec& spec, const Reference& reference,
                            const std::stop_token& stop) {
  try {
    return describe(store.find(reference, find_registry(spec, reference),
                               CredentialStore::Freshness::cached_is_fine, stop));
  } catch (const Error& error) {
    return "cannot be used: " + error.message();
  }
}

std::string result_of(const Report& report) {
  if (!report.door.refusal)
    return report.door.schemes.empty() ? "open to everybody" : "lets us in";
  const Error& error = *report.door.refusal;
  return fmt::format("{}: {}{}", to_string(error.reason()), error.what(),
                     error.hint().empty() ? "" : fmt::format(" ({})", error.hint()));
}

std::string auth_of(const FrontDoor& door) {
  if (!door.schemes.empty())
    return fmt::format("{}{}{}", fmt::join(door.schemes, ", "), door.realm.empty() ? "" : " from ",
                       door.realm);
  return door.refusal ? "unknown" : "none";
}

std::string as_text(const Report& report) {
  const bool plain = report.door.url.origin().scheme == "http";
  return fmt::format(
      "registry     {}\nurl          {} ({})\nauth         {}\ncredentials  {}\nresult       {}\n",
      printable(report.host), report.door.url.str(), plain ? "plain HTTP" : "TLS",
      printable(auth_of(report.door)), printable(report.credentials),
      printable(result_of(report), 4096));
}

std::string as_json(const Report& report) {
  Json document = document_of_kind("RegistryCheck");
  document.set("registry", report.host).set("url", report.door.url.str());
  document.set("plainHTTP", report.door.url.origin().scheme == "http");
  Json schemes = Json::array();
  for (const std::string& scheme : report.door.schemes)
    schemes.add(scheme);
  document.set("auth", std::move(schemes));
  if (!report.door.realm.empty())
    document.set("realm", report.door.realm);
  document.set("credentials", report.credentials);
  document.set("ok", !report.door.refusal.has_value());
  if (report.door.refusal) {
    const Error& error = *report.door.refusal;
    document.set("reason", to_string(error.reason())).set("message", error.what());
    if (!error.hint().empty())
      document.set("hint", error.hint());
    if (error.http_status() != 0)
      document.set("httpStatus", error.http_status());
  }
  document.set("exitCode", report.exit_code);
  return document.dump(2) + "\n";
}

int run_registry_check(const RegistryCheckOptions& options) {
  const Reference reference = repository_of(options.host);
  Signals signals;
  const auto log = make_log(options.log);
  Spec spec = load_spec_if_given(options.spec, *log);
  apply(options.registry, reference, spec);
  const RealClock clock;
  RegistryWiring wiring(options.spec, spec, clock, *log);
  TransferCounts counts;
  Report report{
      .host = options.host,
      .door = wiring.client().front_door(reference, counts, signals.stop()),
      .credentials = credentials_for(wiring.credentials(), spec, reference, signals.stop())};
  if (report.door.refusal)
    report.exit_code = facts(report.door.refusal->reason()).exit_code;
  if (signals.received() != 0)
    report.exit_code = 128 + signals.received();
  print(options.output == OutputFormat::json ? as_json(report) : as_text(report));
  return report.exit_code;
}

}  // namespace

Command registry_check_command() {
  return make_command<RegistryCheckOptions>(
      "registry check", "Knock at a registry: address, credentials, does it let us in",
      declare_registry_check, run_registry_check);
}

}  // namespace ocisync
