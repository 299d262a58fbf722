#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EVENTS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EVENTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// One event of a parser that reads YAML.
struct YamlEvent {
  enum class Kind {
    kDocumentStart,
    kDocumentEnd,
    kNull,
    kAlias,
    kScalar,
    kSequenceStart,
    kMapStart,
    kCollectionEnd,
  };
  Kind kind = Kind::kNull;
  std::string tag, value;
  size_t anchor = 0;  // of an alias: the one that it names

  // Where a node begins, with its anchor and tag: a byte of the text. Not of ends.
  size_t position = 0;
  bool is_key = false;   // of a map
  bool in_flow = false;  // within [] or {}
  // The indentation of the innermost block collection around it; -1: there is none.
  int indentation = -1;

  // Nodes of a document, without what depends on their place in the text.
  bool operator==(const YamlEvent& other) const;
};

// The events of all documents of `text`, which is UTF-8. INVALID_ARGUMENT: "line N: what".
// RESOURCE_EXHAUSTED: too many nodes.
absl::StatusOr<std::vector<YamlEvent>> ParseYamlEvents(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EVENTS_H_
