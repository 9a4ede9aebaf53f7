"""Calls getOrder once for each [binding, endpoint, header, value]: call.py <url of the WSDL> <JSON list of calls>"""
import json
import sys

import requests
import zeep

session = requests.Session()
session.trust_env = False
client = zeep.Client(sys.argv[1], transport=zeep.Transport(session=session))


def call(binding, endpoint, header, value):
    session.headers.clear()
    session.headers[header] = value
    try:
        return {"status": client.create_service("{urn:orders}" + binding, endpoint).getOrder(id="7")}
    except zeep.exceptions.Fault as fault:
        problem = None if fault.detail is None else fault.detail.findtext(".//{urn:ietf:rfc:7807}code")
        return {"code": fault.code, "message": fault.message, "problem": problem}


print(json.dumps([call(*each) for each in json.loads(sys.argv[2])]))
