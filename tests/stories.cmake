# Stories with the real binary, real registries and real charts, one file a subject. Each test method
# is a ctest of its own, <label>.<file>.<method>, and the label is the folder's name. A missing
# registry or helm is a failure, never a skip.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(ocisync_stories label)
  set(seconds 180)
  if(OCISYNC_SANITIZE)
    set(seconds 900)
  endif()
  file(GLOB stories CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.py)
  foreach(file ${stories})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(module ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" story ${module})
    file(STRINGS ${file} lines REGEX "^(class [A-Za-z]+\\(|    def test_)")
    foreach(line ${lines})
      if(line MATCHES "^class ([A-Za-z]+)")
        set(class ${CMAKE_MATCH_1})
      elseif(line MATCHES "def (test_[a-z0-9_]+)")
        set(method ${CMAKE_MATCH_1})
        string(REGEX REPLACE "^test_" "" title ${method})
        add_test(NAME ${label}.${story}.${title}
                 COMMAND ${Python3_EXECUTABLE} -m unittest tests.${label}.${module}.${class}.${method}
                 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(${label}.${story}.${title} PROPERTIES
          LABELS ${label} TIMEOUT ${seconds}
          ENVIRONMENT "OCISYNC_BINARY=$<TARGET_FILE:ocisync>;PYTHONDONTWRITEBYTECODE=1")
      endif()
    endforeach()
  endforeach()
endfunction()
