# SPDX-License-Identifier: Apache-2.0
"""A user without any .proto file: services are found through reflection, health is asked, server info is read."""

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def call(channel, pool, service, method, **fields):
    """Calls a unary RPC knowing only its name."""
    rpc = pool.FindServiceByName(service).FindMethodByName(method)
    request = message_factory.GetMessageClass(rpc.input_type)(**fields)
    answer = message_factory.GetMessageClass(rpc.output_type)
    return channel.unary_unary(
        f"/{service}/{method}", request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString,
    )(request)


def reflected_pool(channel):
    return descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))


def test_reflection_lists_every_service(channel):
    services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    ours = {f"cvxnn.v1.{name}Service" for name in ("Dataset", "Job", "Model", "Server")}
    assert ours | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= services


def test_health_is_serving_for_the_server_and_each_service(channel):
    pool = reflected_pool(channel)
    for service in ("", "cvxnn.v1.JobService"):
        answer = call(channel, pool, "grpc.health.v1.Health", "Check", service=service)
        assert answer.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[answer.status].name == "SERVING"


def test_server_info_can_be_read_without_stubs(channel):
    info = call(channel, reflected_pool(channel), "cvxnn.v1.ServerService", "GetServerInfo")
    assert info.version
    assert [device.name for device in info.devices][0] == "cpu"


def test_an_unknown_rpc_is_unimplemented(channel):
    try:
        channel.unary_unary("/cvxnn.v1.JobService/Nonsense")(b"")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    else:
        raise AssertionError("an unknown RPC succeeded")
