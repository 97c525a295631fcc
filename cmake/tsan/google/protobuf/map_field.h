// SPDX-License-Identifier: Apache-2.0
// Stands in front of Protobuf's header of this name in builds with CVXNN_SANITIZE=thread. There it gives every map
// field two more members, which Debian's libprotobuf, built without the sanitizer, does not know: messages with a map
// would be read at wrong places. This keeps the layout of the library.
#pragma once
#pragma GCC system_header
#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
