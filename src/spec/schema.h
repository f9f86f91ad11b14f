#pragma once

#include "spec/draft.h"
#include "spec/field.h"

namespace ocisync {

// The one table of the spec file: every field with its type, default, meaning and reader. Parsing,
// the JSON Schema and the reference page all come from it. The larger branches have rooms of their
// own (chart_schema.cc, registry_schema.cc, later_schema.cc).
Object<SpecDraft> spec_schema();

Object<ChartDraft> chart_schema();
Object<RegistrySpec> registry_schema();
Object<CredentialsSpec> credentials_schema();
Object<HttpSpec> http_schema();
Object<HookSpec> hook_schema();

// Parts of the format that this version refuses.
FieldShape verify_shape(std::string doc);

// The grammar that chart names and the components of export paths share.
inline constexpr const char* kNamePattern = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";

Codec<Layout> layout_choice();
Codec<ExportFormat> format_choice();

}  // namespace ocisync
